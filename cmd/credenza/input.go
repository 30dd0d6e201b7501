package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/table"
)

// source has the flags for the input.
type source struct {
	File   string `arg:"" predictor:"file" help:"CSV, XLSX, JSON, Parquet or a product feed, gzipped or not; - for standard input."`
	Sheet  string `placeholder:"NAME" help:"The sheet of an XLSX file (default: the first with data)."`
	Format string `enum:"auto,csv,json,jsonl" default:"auto" placeholder:"auto|csv|jsonl" help:"The format of FILE (default: detected by its content)."`
}

// input is an open file of rows.
type input struct {
	rows  *productfile.Rows
	info  os.FileInfo // nil for standard input that is no file
	name  string
	stop  func() // ends a read that waits for data; reads fail then
	close func() // call it when no read is in flight

	again bool // the file can be read once more
	said  int  // notes of rows that were printed

	file     *io.SectionReader // nil for a stream
	sheet    string            // empty: the first with data
	counted  io.Seeker         // its place is how much was read; nil: that is not known
	pictures *pictureFolder    // nil: the input is a file
	local    *localPictures    // of a file's folder
}

// open opens the file and reads its first row, so that errors come before any work
// begins. Opening and reading end with ctx. It refuses standard output to the same
// file. The caller calls close.
func (s *source) open(ctx context.Context, std streams) (*input, error) {
	format, err := table.ParseFormat(s.Format)
	if err != nil {
		return nil, err
	}
	in := &input{name: s.File, sheet: s.Sheet, stop: func() {}, close: func() {}}
	reader, err := in.reader(ctx, std.in)
	if err != nil {
		return nil, err
	}
	if file, ok := asFile(std.out); ok {
		info, _ := file.Stat() // without it, the writing fails
		err = in.refuse("standard output", info)
	}
	if err == nil {
		err = in.begin(reader, format)
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

// begin reads up to the first row that can be read.
func (in *input) begin(reader io.Reader, format table.Format) (err error) {
	if in.rows, err = productfile.OpenRows(reader, table.ReaderConfig{Name: in.name, Format: format, Sheet: in.sheet, File: in.file}); err != nil {
		return err
	}
	if in.counted != nil && readInParts(in.file) {
		in.counted = nil
	}
	in.stop = in.close
	in.close = func() { in.stop(); in.rows.Close() }
	return nil
}

func (in *input) reader(ctx context.Context, stdin io.Reader) (io.Reader, error) {
	if in.name == "-" {
		in.name = "standard input"
		if file, ok := stdin.(*os.File); ok {
			in.info, _ = file.Stat() // without it, it is like any stream
		}
		reader, end := interruptible(ctx, stdin)
		in.close = end
		return reader, nil
	}
	file, err := openWithin(ctx, func() (*os.File, error) { return os.Open(in.name) })
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
	if in.again = in.info.Mode().IsRegular(); in.again {
		in.file = io.NewSectionReader(file, 0, in.info.Size())
		in.counted = file
		return file, nil
	}
	reader, end := interruptible(ctx, file)
	in.close = func() { end(); _ = file.Close() }
	return reader, nil
}

// refuse returns an error if a file that is to be written is the input. Terminals and
// other devices may be both, and nil, a file that is not there, is not.
func (in *input) refuse(name string, info os.FileInfo) error {
	if in.info == nil || info == nil || info.Mode()&os.ModeDevice != 0 || !os.SameFile(info, in.info) {
		return nil
	}
	return fmt.Errorf("%s is the file that is read: give another one", name)
}

// fraction returns how much of the input was read, from 0 to 1, and 0 if its size is not
// known.
func (in *input) fraction() float64 {
	if in.counted == nil || in.info.Size() == 0 {
		return 0
	}
	at, err := in.counted.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return min(1, float64(at)/float64(in.info.Size()))
}

// readInParts reports whether a file, XLSX or Parquet, is not read from its beginning to
// its end.
func readInParts(file io.ReaderAt) bool {
	var head [4]byte
	_, err := file.ReadAt(head[:], 0)
	return err == nil && (string(head[:2]) == "PK" || string(head[:]) == "PAR1")
}

// eachRow reads the file of in once more and calls each with its rows, and the input that
// they are read from. A row that cannot be read is nil.
func (s *source) eachRow(ctx context.Context, in *input, each func(*input, table.Row) error) error {
	if !in.again {
		return fmt.Errorf("%s can be read once only: give a file", in.name)
	}
	again, err := s.open(ctx, streams{})
	if err != nil {
		return err
	}
	defer again.close()
	for ctx.Err() == nil {
		row, unreadable, err := again.rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if unreadable != nil {
			row = nil
		}
		if err == nil {
			err = each(again, row)
		}
		if err != nil {
			return err
		}
	}
	return errInterrupted
}
