package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/credenza-dev/credenza/internal/table"
)

// source are the flags for what is read.
type source struct {
	File   string `arg:"" help:"CSV, JSON lines or a JSON array, in UTF-8; - for standard input."`
	Format string `enum:"auto,csv,json,jsonl" default:"auto" placeholder:"auto|csv|jsonl" help:"How FILE is written (default: by its content)."`
}

// input is an open file of rows.
type input struct {
	rows  *table.Reader
	first table.Row
	info  os.FileInfo // nil for standard input
	name  string
	close func()
}

// open opens the file and reads up to its first row, so that what is plainly
// wrong is told before any work begins. Reading ends with ctx. The caller calls
// close.
func (s *source) open(ctx context.Context, stdin io.Reader) (*input, error) {
	format, err := table.ParseFormat(s.Format)
	if err != nil {
		return nil, err
	}
	in := &input{name: s.File, close: func() {}}
	reader, err := in.reader(ctx, stdin)
	if err != nil {
		return nil, err
	}
	if in.rows, err = table.NewReader(reader, table.ReaderConfig{Name: in.name, Format: format}); err == nil {
		in.first, err = in.rows.Read()
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s has no rows: there is nothing to do", in.name)
	}
	if err != nil {
		in.close()
		if ctx.Err() != nil {
			return nil, errInterrupted
		}
		return nil, err
	}
	return in, nil
}

func (in *input) reader(ctx context.Context, stdin io.Reader) (io.Reader, error) {
	if in.name == "-" {
		in.name = "standard input"
		reader, end := interruptible(ctx, stdin)
		in.close = end
		return reader, nil
	}
	file, err := os.Open(in.name)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	in.close = func() { _ = file.Close() } // nothing was written
	if in.info, err = file.Stat(); err == nil && in.info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		in.close()
		return nil, fmt.Errorf("the file %s cannot be read: %w", in.name, err)
	}
	if in.info.Mode().IsRegular() {
		return file, nil
	}
	reader, end := interruptible(ctx, file)
	in.close = func() { end(); _ = file.Close() }
	return reader, nil
}

// next returns the first row, then the others.
func (in *input) next() (table.Row, error) {
	if row := in.first; row != nil {
		in.first = nil
		return row, nil
	}
	return in.rows.Read()
}

// interruptible returns a reader that stops when ctx ends, also while in, such
// as a terminal or a pipe, has nothing to give. A system call that waits cannot
// be taken back: what then still waits is one goroutine, until the input says
// something or the program ends, which it is about to do. The caller calls end.
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

// readOnly has reads after the end fail with the context's error.
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
