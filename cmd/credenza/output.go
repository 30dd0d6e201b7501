package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/credenza-dev/credenza/internal/table"
)

// output is the destination and format of results.
type output struct {
	io.Writer
	format   table.Format
	width    int  // of the terminal; 0 elsewhere
	height   int  // of the terminal, in rows of a table
	terminal bool // people read along
	close    func() error
}

// openOutput opens the file at path, empty for standard output. An empty format
// goes by the file's ending, else it is a table on a terminal and JSON lines
// elsewhere. The caller calls close.
func openOutput(ctx context.Context, path, format string, in *input, stdout io.Writer) (*output, error) {
	out := &output{Writer: stdout, height: usualScreen, close: func() error { return nil }}
	if path == "" {
		out.terminal = isTerminal(stdout)
		out.width, out.height = terminalSize(stdout)
	}
	var err error
	if out.format, err = chooseFormat(format, path, out.terminal); err != nil {
		return nil, err
	}
	if path == "" {
		return out, nil
	}
	file, err := openDestination(ctx, path, "--out", in)
	if err != nil {
		return nil, fmt.Errorf("the results cannot be written: %w", err)
	}
	out.Writer, out.close = file, file.close
	return out, nil
}

func chooseFormat(format, path string, terminal bool) (table.Format, error) {
	if format != "" && format != "auto" {
		return table.ParseFormat(format)
	}
	switch filepath.Ext(path) {
	case ".csv", ".tsv":
		return table.CSV, nil
	case ".xlsx":
		return table.XLSX, nil
	case "", ".json", ".jsonl", ".ndjson":
	default:
		return table.Auto, errors.New("--out has an ending that names no format: give --output csv, xlsx, jsonl or table")
	}
	if terminal {
		return table.Aligned, nil
	}
	return table.JSON, nil
}

// asFile returns the file behind a stream.
func asFile(w io.Writer) (*os.File, bool) {
	if p, ok := w.(*outputWriter); ok {
		w = p.Writer
	}
	if l, ok := w.(*lockedWriter); ok {
		w = l.w
	}
	f, ok := w.(*os.File)
	return f, ok
}

func isTerminal(w io.Writer) bool {
	f, ok := asFile(w)
	return ok && term.IsTerminal(int(f.Fd()))
}

// usualScreen is the rows of a table that goes to no terminal whose columns are made to fit.
const usualScreen = 100

// terminalSize returns the characters of a terminal's line, 0 if w is not a terminal, and
// the rows of a table that fit below its header.
func terminalSize(w io.Writer) (width, rows int) {
	f, ok := asFile(w)
	if !ok {
		return 0, usualScreen
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, usualScreen
	}
	return width, max(1, height-2)
}
