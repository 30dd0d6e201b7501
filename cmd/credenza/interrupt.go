package main

import (
	"context"
	"errors"
	"io"
	"os"
)

// openWithin opens a file and stops waiting for it when ctx ends: opening a named pipe
// blocks until another program opens its other end. One goroutine stays blocked until
// then or until this program exits, which it is about to do.
func openWithin(ctx context.Context, open func() (*os.File, error)) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened)
	go func() {
		file, err := open()
		select {
		case done <- opened{file, err}:
		case <-ctx.Done():
			if err == nil {
				_ = file.Close() // the caller has returned
			}
		}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, errInterrupted
	}
}

// interruptible returns a reader that stops when ctx ends, even while in, such as a
// terminal or a pipe, has no data. The blocked system call cannot be cancelled: one
// goroutine stays until data arrives or the program exits, which it is about to do. The
// caller calls end.
func interruptible(ctx context.Context, in io.Reader) (reader io.Reader, end func()) {
	out, pipe := io.Pipe()
	go func() {
		_, err := io.Copy(pipe, in)
		_ = pipe.CloseWithError(err) // always nil
	}()
	stop := context.AfterFunc(ctx, func() { _ = out.CloseWithError(context.Cause(ctx)) })
	return readOnly{pipe: out, ctx: ctx.Err}, func() {
		stop()
		_ = out.Close()
	}
}

// readOnly is a reader whose reads return the context's error after its end.
type readOnly struct {
	pipe *io.PipeReader
	ctx  func() error
}

func (r readOnly) Read(p []byte) (int, error) {
	n, err := r.pipe.Read(p)
	if errors.Is(err, io.ErrClosedPipe) && r.ctx() != nil {
		err = r.ctx()
	}
	return n, err
}
