package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/partfile"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// resultFlags say how results are written.
type resultFlags struct {
	Output      string `enum:"auto,csv,xlsx,jsonl,table" default:"auto" placeholder:"csv|xlsx|jsonl|table" help:"The format of the results (default: by the ending of --out; else a table on a terminal and JSON lines elsewhere)."`
	Out         string `short:"o" placeholder:"FILE" help:"Write results to FILE."`
	AsCompleted bool   `help:"Write results as they are ready, not in the order of FILE."`
	InOrder     bool   `hidden:"" help:"Write results in the order of FILE, which is the default."`
	Prefix      string `default:"credenza_" placeholder:"TEXT" help:"The prefix of the added columns in CSV and XLSX (default: credenza_)."`
	Trace       bool   `help:"Add the columns that say how each result was made, in CSV and XLSX."`
	WithInput   bool   `help:"Add the input's row to each JSON line, as row."`
	Resume      bool   `xor:"start" help:"Continue the unfinished file of an interrupted run."`
	Overwrite   bool   `xor:"start" help:"Start over, even if there is an unfinished file."`
}

func (f *resultFlags) start() partfile.Start {
	switch {
	case f.Resume:
		return partfile.Resume
	case f.Overwrite:
		return partfile.Overwrite
	}
	return partfile.Begin
}

// resultFile is where the rows of a run go: a file that may take several runs, or a
// stream.
type resultFile struct {
	*resultfile.Writer
	part        *partfile.File // nil: a stream
	stream      *output
	asCompleted bool
	batch       []partfile.Record
	rows        int64  // that the part stands for
	sum         uint64 // hash of these
}

// openResults opens the file or stream for rows of the layout, but for its format, which
// it chooses. More adds to the subject once a file is open.
func (f *resultFlags) openResults(
	ctx context.Context, in *input, s streams, l resultfile.Layout, subject map[string]string, more func(map[string]string) error,
) (*resultFile, error) {
	r := &resultFile{asCompleted: f.AsCompleted}
	if f.Out == "" || isStream(f.Out) {
		return r, r.openStream(ctx, f, in, s, l)
	}
	var err error
	if l.Format, err = chooseFormat(f.Output, f.Out, false); err != nil {
		return nil, err
	}
	info, _ := os.Stat(f.Out) // it may not be there
	if err := errors.Join(l.Check(in.name), in.refuse("--out", info)); err != nil {
		return nil, err
	}
	maps.Copy(subject, f.written(&l))
	var unknown error
	r.part, err = partfile.Open(partfile.Config{
		Path: f.Out, Start: f.start(), Subject: subject, Defaults: unnoted,
		More: func(subject map[string]string) error {
			unknown = more(subject)
			return unknown
		},
	})
	if unknown != nil {
		return nil, err
	}
	if err != nil {
		return nil, explainStart(err)
	}
	r.rows, r.sum = r.earlier().Rows, r.earlier().Hash
	if r.Writer, err = resultfile.New(r.part, l, 0, 0); err == nil && r.part.Earlier().Bytes > 0 {
		r.Continue()
	}
	if err != nil {
		return nil, errors.Join(err, r.part.Close())
	}
	return r, nil
}

// written returns what the form of the file depends on.
func (f *resultFlags) written(l *resultfile.Layout) map[string]string {
	formats := map[table.Format]string{table.CSV: "csv", table.JSON: "jsonl", table.XLSX: "xlsx", table.Aligned: "table"}
	separator := string(l.Dialect.Separator)
	if l.Dialect.BOM {
		separator += " and a byte order mark"
	}
	subject := map[string]string{
		"--output": formats[l.Format], "--prefix": f.Prefix, "--trace": strconv.FormatBool(f.Trace),
		"--with-input": strconv.FormatBool(f.WithInput), "the columns of results": strings.Join(l.Ours(), ", "),
	}
	if l.HasInputs() {
		subject["the columns"], subject["the separator"] = strings.Join(l.Inputs, ", "), separator
	}
	return subject
}

func (r *resultFile) openStream(ctx context.Context, f *resultFlags, in *input, s streams, l resultfile.Layout) (err error) {
	if f.Resume || f.Overwrite {
		return errors.New("--resume and --overwrite are for files: name one with --out")
	}
	if r.stream, err = openOutput(ctx, f.Out, f.Output, in, s.out); err != nil {
		return err
	}
	l.Format = r.stream.format
	if err = l.Check(in.name); err == nil && l.Format == table.XLSX {
		err = errors.New("a sheet is written to a file only: name one with --out")
	}
	if err == nil {
		r.Writer, err = resultfile.New(r.stream, l, r.stream.width, r.stream.height)
	}
	if err != nil {
		return errors.Join(err, r.stream.close())
	}
	return nil
}

// isStream reports whether there is a pipe, a device or a folder at path.
func isStream(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}

func explainStart(err error) error {
	switch {
	case errors.Is(err, partfile.ErrHalfDone):
		return fmt.Errorf("%w: give --resume to continue it, or --overwrite to start over", err)
	case errors.Is(err, partfile.ErrFinished):
		return fmt.Errorf("%w, there is nothing to continue: leave out --resume to classify again, and replace it", err)
	}
	return fmt.Errorf("the results cannot be written: %w", err)
}

// earlier returns what earlier runs have done.
func (r *resultFile) earlier() partfile.State {
	if r.part == nil {
		return partfile.State{}
	}
	return r.part.Earlier()
}

// keep stores results before they are written, so that none is paid twice.
func (r *resultFile) keep(rows []*pendingRow) error {
	if r.part == nil || len(rows) == 0 {
		return nil
	}
	r.batch = r.batch[:0]
	for _, p := range rows {
		text, err := json.Marshal(p.result)
		if err != nil {
			return err
		}
		record := partfile.Record{Row: p.index, Hash: p.hash, Result: text}
		if p.result.Err == nil && (p.result.ImageErr == nil || !p.result.ImageErr.Retryable) {
			record.Question = p.question
		}
		r.batch = append(r.batch, record)
	}
	return r.part.Keep(r.batch)
}

// mark writes what is held back, and says that it stands for all rows up to the last, nil
// if that has not changed, and for some later ones.
func (r *resultFile) mark(last *pendingRow, note string, later []int64) error {
	if last != nil {
		r.rows, r.sum = last.index+1, last.sum
	}
	err := r.Flush(false)
	if r.part != nil && err == nil {
		r.part.Mark(r.rows, r.sum, note, later...)
	}
	return err
}

// finish ends the file, of so many rows, and returns what could not be written as it is.
func (r *resultFile) finish(rows int) (report table.SheetReport, err error) {
	if err := r.Flush(true); err != nil {
		return report, err
	}
	if r.part == nil {
		return report, nil
	}
	if r.Format != table.XLSX {
		return report, r.part.Finish(nil)
	}
	config := table.SheetConfig{Columns: r.Names(), Originals: len(r.Inputs), Rows: rows, Mark: r.MarkOf}
	err = r.part.Finish(func(part io.ReadSeeker, to io.Writer) (err error) {
		report, err = table.WriteSheet(part, to, config)
		return err
	})
	return report, err
}

// close leaves a half-done file for a later run, and writes what a stream held back.
func (r *resultFile) close() error {
	if r.part != nil {
		return r.part.Close()
	}
	return r.stream.close()
}

// decodeResult reads a result of the journal.
func decodeResult(text json.RawMessage) (*credenza.Result, error) {
	r := &credenza.Result{}
	return r, json.Unmarshal(text, r)
}
