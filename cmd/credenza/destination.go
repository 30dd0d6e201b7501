package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// destination is a file for results. It is opened before any work begins, so that an
// error comes early, and emptied at the first write.
type destination struct {
	file    *os.File
	created bool // it was not there before
	begun   bool
}

// openDestination opens the file at path, the value of the flag. It refuses the input
// file, under any name. The caller calls close.
func openDestination(ctx context.Context, path, flag string, in *input) (*destination, error) {
	_, err := os.Lstat(path) // a link to nothing gets its file
	d := &destination{created: errors.Is(err, fs.ErrNotExist)}
	info, _ := os.Stat(path)
	if err := in.refuse(flag, info); err != nil {
		return nil, err
	}
	d.file, err = openWithin(ctx, func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666) })
	return d, err
}

// Write replaces the content of the file the first time, and appends after that.
func (d *destination) Write(p []byte) (int, error) {
	if !d.begun {
		if info, err := d.file.Stat(); err == nil && info.Mode().IsRegular() { // a pipe or a device holds nothing
			if err := d.file.Truncate(0); err != nil {
				return 0, err
			}
		}
		d.begun = true
	}
	return d.file.Write(p)
}

// close closes the file. It removes one that did not exist before and is empty.
func (d *destination) close() error {
	if d == nil {
		return nil
	}
	err := d.file.Close()
	if d.created && !d.begun {
		err = errors.Join(err, os.Remove(d.file.Name()))
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", d.file.Name(), err)
	}
	return nil
}

// outputWriter is standard output. It keeps the first error, since commands print most
// lines without checking errors.
type outputWriter struct {
	io.Writer
	failed error
}

// Write writes unless an earlier write has failed.
func (p *outputWriter) Write(b []byte) (int, error) {
	if p.failed != nil {
		return 0, p.failed
	}
	n, err := p.Writer.Write(b)
	p.failed = err
	return n, err
}

// result returns the command's error, or that of its output if the command has none.
func (p *outputWriter) result(err error) error {
	if p.failed != nil && (err == nil || errors.Is(err, errItemsFailed)) {
		return fmt.Errorf("the output cannot be written: %w", p.failed)
	}
	return err
}
