package productfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// Description is what a file is.
type Description struct {
	Name string
	// Format is "csv", "xlsx", "json", "parquet", "xml" or "html".
	Format  string
	Sheets  []string
	Columns []Column
	Rows    [][]string // the first
	Total   Total
	Notes   []string
}

// Column is a column of a file.
type Column struct {
	Name string
	// Field is the field of an item, "attributes", or empty if it is left out.
	Field   string
	Samples []string
}

// Total is what a whole file takes.
type Total struct {
	Rows, Items, Calls int64
	Prompt, Completion int64
	Duration           time.Duration // 0: not known
}

// shownRows is how many of the first rows are shown.
const shownRows = 20

// Bounds of a description, in bytes: of a cell, and of all cells, since clients take 4 MiB.
const (
	maxShownCell  = 1 << 10
	maxShownCells = 2 << 20
	maxSample     = 200
)

// Describe reads a file and says what it is and takes.
func (f *Files) Describe(ctx context.Context, who catalog.Owner, v View) (Description, error) {
	select {
	case f.turns <- struct{}{}:
		defer func() { <-f.turns }()
	case <-ctx.Done():
		return Description{}, context.Cause(ctx)
	}
	opened, err := f.open(ctx, who, v)
	if err != nil {
		return Description{}, err
	}
	defer opened.close()
	d := Description{Name: opened.Name, Format: opened.rows.Kind(), Sheets: opened.rows.Sheets(), Columns: opened.describeColumns()}
	opened.mapping.Forget()
	survey := survey{files: f, file: opened, estimate: NewEstimate(f.config.Words)}
	if err := survey.read(ctx); err != nil {
		return Description{}, err
	}
	d.Rows, d.Total = survey.shown, survey.total()
	d.Notes = append(opened.notes(), survey.notes()...)
	return d, nil
}

// describeColumns returns what became of each column.
func (f *file) describeColumns() []Column {
	matches := map[string]table.ColumnMatch{}
	for _, match := range f.mapping.Matches() {
		matches[match.Column] = match
	}
	keys := f.columns
	if f.rows.Header() != nil {
		keys = table.NewColumns(f.columns).Keys()
	}
	columns := make([]Column, len(f.columns))
	for i, name := range f.columns {
		match := matches[keys[i]]
		columns[i] = Column{Name: name, Field: fieldOf(match.Field)}
		for _, value := range match.Values {
			columns[i].Samples = append(columns[i].Samples, catalog.Clip(value, maxSample))
		}
	}
	return columns
}

// fieldOf returns a field by its name in the contract.
func fieldOf(name string) string {
	switch name {
	case "attribute":
		return "attributes"
	case "price":
		return "price_range"
	case "(left out)":
		return ""
	}
	return name
}

// survey reads all rows of a file.
type survey struct {
	files    *Files
	file     *file
	estimate *Estimate
	shown    [][]string
	repeated int64 // rows of a product above
	unread   Unreadable
}

// shownLines is how many lines that cannot be read are named.
const shownLines = 5

func (s *survey) read(ctx context.Context) error {
	for ctx.Err() == nil {
		row, unreadable, err := s.file.rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case unreadable != nil:
			s.unread.Note(unreadable)
		default:
			s.add(row)
		}
	}
	return context.Cause(ctx)
}

func (s *survey) add(row table.Row) {
	if len(s.shown) < shownRows {
		s.shown = append(s.shown, s.clipped(s.file.cells(row)))
	}
	item := s.file.mapping.Item(row)
	if s.file.mapping.Repeats() {
		s.repeated++
	}
	question := uint64(0)
	if s.files.config.Shared {
		question = QuestionOf(item, s.files.config.Words == nil)
	}
	s.estimate.Add(item, question, s.files.config.Words != nil && (HasPicture(item) || len(item.ImageData) > 0))
}

// clipped returns cells that have room in a message.
func (s *survey) clipped(cells []string) []string {
	most := min(maxShownCell, max(32, maxShownCells/(shownRows*max(1, len(s.file.columns)))))
	clipped := make([]string, len(cells))
	for i, cell := range cells {
		clipped[i] = strings.ToValidUTF8(catalog.Clip(cell, most), "")
	}
	return clipped
}

func (s *survey) total() Total {
	e := s.estimate
	rows := int64(e.Rows + s.unread.Count)
	t := Total{Rows: rows, Items: rows - s.repeated}
	if s.files.config.Words == nil {
		return t
	}
	t.Calls, t.Prompt, t.Completion = int64(e.Calls), e.Prompt, e.Completion
	t.Duration = e.Duration(cmp.Or(s.pace(), AssumedCalls))
	return t
}

// pace returns the calls a second; 0: that is not known.
func (s *survey) pace() float64 {
	if s.files.config.Pace == nil {
		return 0
	}
	return s.files.config.Pace()
}

func (s *survey) notes() (notes []string) {
	if s.unread.Count > 0 {
		notes = append(notes, s.unread.Text(" and will fail", shownLines))
	}
	if s.files.config.Words != nil && s.pace() == 0 {
		notes = append(notes, fmt.Sprintf("the time is for %d calls a second: how fast the model is, is not known yet", AssumedCalls))
	}
	return notes
}

// notes are about how the file is read.
func (f *file) notes() (notes []string) {
	for _, note := range f.rows.Notes() {
		notes = append(notes, withoutFlags(note))
	}
	return notes
}
