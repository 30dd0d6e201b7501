package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/table"
)

// earlierFile is a finished file of results of which rows are kept.
type earlierFile struct {
	file   *os.File
	rows   *table.Reader
	name   string
	layout *resultfile.Layout
	flags  *rowFlags
	atEnd  bool
}

// openEarlier opens the finished file of --out.
func openEarlier(path string, l *resultfile.Layout, flags *rowFlags) (*earlierFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the earlier results cannot be read: %w", err)
	}
	e := &earlierFile{file: file, name: path, layout: l, flags: flags}
	info, err := file.Stat()
	if err == nil {
		whole := io.NewSectionReader(file, 0, info.Size())
		e.rows, err = table.NewReader(file, table.ReaderConfig{Name: path, File: whole})
	}
	if err == nil {
		err = e.checkColumns()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return e, nil
}

// checkColumns refuses a file whose columns are not those that are written now: what is kept
// of its rows would be empty or lost. JSON lines always have all.
func (e *earlierFile) checkColumns() error {
	header, ours := e.rows.Header(), e.layout.Ours()
	if header == nil || !e.layout.HasInputs() {
		return nil
	}
	first := e.layout.NameOf(ours[0])
	at := len(e.layout.Inputs)
	if e.layout.ByKey { // the keys of an input in another order
		at = slices.Index(header, first)
	}
	if at < 0 || at >= len(header) || header[at] != first {
		return fmt.Errorf("%s was made of another FILE or with another --prefix: %s does not follow the columns of this one", e.name, first)
	}
	switch traced := slices.Contains(header[at:], e.layout.NameOf(tracedColumn)); {
	case traced && !e.layout.Trace:
		return fmt.Errorf("%s was made with --trace: give it again, or its columns would be lost", e.name)
	case e.layout.Trace && !traced:
		return fmt.Errorf("%s was made without --trace: leave it out, since the rows that are kept have nothing for its columns", e.name)
	}
	return nil
}

// tracedColumn is one of the columns that --trace adds.
const tracedColumn = "reasoning"

func (e *earlierFile) close() error {
	if e == nil {
		return nil
	}
	e.rows.Close()
	return e.file.Close()
}

// next returns our columns of the earlier file's row for p, or nil if the row is to be
// asked. Rows that the earlier file does not have are asked.
func (e *earlierFile) next(p *pendingRow) ([]table.Value, error) {
	if e.atEnd {
		return nil, nil
	}
	row, err := e.rows.Read()
	if errors.Is(err, io.EOF) {
		e.atEnd = true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the earlier results cannot be read: %w", err)
	}
	if _, there := row.Get(resultfile.HashColumn); !there && !e.layout.HasInputs() {
		return nil, fmt.Errorf("%s does not say which rows it is of: it is of a job, or of an older program, and all rows have to be asked again", e.name)
	}
	if !e.sameRow(row, p) {
		return nil, fmt.Errorf("%s does not have the rows of the input in their order: row %d differs", e.name, p.index+1)
	}
	if e.asksAgain(row) {
		return nil, nil
	}
	var kept []table.Value
	for _, name := range e.layout.Ours() {
		kept = append(kept, typed(name, row.Exact(e.layout.NameOf(name))))
	}
	return kept, nil
}

// ended returns an error if the earlier file has rows beyond the input's, whose results
// would be lost.
func (e *earlierFile) ended(rows int64) error {
	if e == nil || e.atEnd {
		return nil
	}
	if _, err := e.rows.Read(); errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("%s has more rows than the %d of the input: give the input that it was made of", e.name, rows)
}

// typed returns a value that a file of texts has given back, with its type.
func typed(name string, v table.Value) table.Value {
	switch {
	case name == "alternatives" && v.Kind == table.List: // of objects, in JSON lines
		return table.JSONValue([]byte("[" + strings.Join(v.List, ",") + "]"))
	case v.Kind != table.Text:
	case name == "confidence", name == "attempts", name == "latency_ms":
		v.Kind = table.Number
	case name == "needs_review", name == "retryable", name == "cached":
		v.Kind = table.Bool
		v.Text = strings.ToLower(v.Text)
	}
	return v
}

// sameRow reports whether the earlier row is that of p.
func (e *earlierFile) sameRow(row table.Row, p *pendingRow) bool {
	if !e.layout.HasInputs() {
		return row.Exact("index").Text == fmt.Sprint(p.index) && row.Exact(resultfile.HashColumn).Text == p.hashText()
	}
	cells := e.rows.Original()
	if e.layout.ByKey || cells == nil {
		for _, key := range e.layout.Inputs {
			if row.Exact(key).String() != strings.TrimSpace(table.Disarm(p.row.Exact(key).String())) {
				return false
			}
		}
		return true
	}
	for i, text := range p.cells {
		if i < len(e.layout.Inputs) && i < len(cells) && !e.sameCell(cells[i], text) {
			return false
		}
	}
	return true
}

// sameCell reports whether a file of results has the text as this cell. Numbers in a sheet
// come back without their last zeros, line ends as one byte, and long texts are cut.
func (e *earlierFile) sameCell(cell, text string) bool {
	if cell == text || cell == table.Disarm(text) {
		return true
	}
	if e.layout.Format != table.XLSX {
		return false
	}
	if was, err := strconv.ParseFloat(cell, 64); err == nil {
		now, err := strconv.ParseFloat(text, 64)
		return err == nil && was == now
	}
	ends := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	cell, text = ends.Replace(cell), ends.Replace(text)
	return cell == text || len(cell) >= cutCell && strings.HasPrefix(text, cell)
}

// cutCell is how many bytes a text that a sheet has cut has at least.
const cutCell = 32_766

func (e *earlierFile) asksAgain(row table.Row) bool {
	value := func(name string) string {
		return row.Exact(e.layout.NameOf(name)).String()
	}
	failed := value("error") != ""
	return e.flags.OnlyFailed && failed || e.flags.OnlyReview && strings.EqualFold(value("needs_review"), "true")
}

// keptFailure returns the reason of a kept row that has failed, or "".
func keptFailure(l *resultfile.Layout, kept []table.Value) string {
	for i, name := range l.Ours() {
		if name == "error" {
			reason, _, _ := strings.Cut(kept[i].Text, ":")
			return reason
		}
	}
	return ""
}
