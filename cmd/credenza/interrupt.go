package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
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

// orHangUp returns a context that ends with ctx, or when the terminal is closed unless the
// program is to outlive that, as with nohup. The caller calls end.
func orHangUp(ctx context.Context) (_ context.Context, end func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// outliveReaders ignores SIGPIPE from then on: if the reader of standard error has ended, such
// as tee after Ctrl-C, calls in flight are still waited for.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

// untilSecondSignal returns a context that outlives ctx, whose end the first signal is,
// and ends with the second one. A terminal that is closed counts as the first one only: the
// shell and the system may both tell of it. The caller calls end.
func untilSecondSignal(ctx context.Context) (patient context.Context, end func()) {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		for seen := 0; seen < 2; {
			select {
			case s := <-signals:
				if s != syscall.SIGHUP || seen == 0 {
					seen++
				}
			case <-patient.Done():
				return
			}
		}
		cancel()
	})
	return patient, func() {
		signal.Stop(signals)
		cancel()
		watching.Wait()
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
	stop := context.AfterFunc(ctx, func() { _ = pipe.CloseWithError(ctx.Err()) })
	return out, func() {
		stop()
		_ = out.Close()
	}
}
