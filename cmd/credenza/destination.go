package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// destination is a file for results. It is opened before any work begins, so that
// no work is done in vain, and emptied when there is something to write in place
// of what it holds.
type destination struct {
	file    *os.File
	created bool // it was not there before
	begun   bool
}

// openDestination opens the file at path, which the flag has given. It refuses the
// file that is read, whatever its name. The caller calls close.
func openDestination(ctx context.Context, path, flag string, in *input) (*destination, error) {
	d := &destination{}
	file, err := openWithin(ctx, func() (*os.File, error) {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if d.created = err == nil; errors.Is(err, fs.ErrExist) {
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666) // a link to nothing gets its file
		}
		return file, err
	})
	if err != nil {
		return nil, err
	}
	d.file = file
	if err := in.refuse(flag, file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return d, nil
}

// Write replaces what the file held, the first time, and adds to it then.
func (d *destination) Write(p []byte) (int, error) {
	if !d.begun {
		if err := d.empty(); err != nil {
			return 0, err
		}
		d.begun = true
	}
	return d.file.Write(p)
}

func (d *destination) empty() error {
	info, err := d.file.Stat()
	if err != nil || !info.Mode().IsRegular() { // a pipe or a device holds nothing
		return err
	}
	return d.file.Truncate(0)
}

// close closes the file, and leaves none where there was none and nothing to write.
func (d *destination) close() error {
	err := d.file.Close()
	if d.created && !d.begun {
		err = errors.Join(err, os.Remove(d.file.Name()))
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", d.file.Name(), err)
	}
	return nil
}

// printed is standard output, of which the first error is kept: most of what
// commands say to people is written line by line without a look at errors.
type printed struct {
	io.Writer
	failed error
}

// Write writes unless a write has failed before, which would leave a gap.
func (p *printed) Write(b []byte) (int, error) {
	if p.failed != nil {
		return 0, p.failed
	}
	n, err := p.Writer.Write(b)
	p.failed = err
	return n, err
}

// verdict is a command's error, or what went wrong with its output where the
// command itself has nothing to say.
func (p *printed) verdict(err error) error {
	if p.failed != nil && (err == nil || errors.Is(err, errItemsFailed)) {
		return fmt.Errorf("the output cannot be written: %w", p.failed)
	}
	return err
}
