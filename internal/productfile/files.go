package productfile

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

// Uploads has the files that callers have uploaded.
type Uploads interface {
	// Open returns a caller's file, which the caller closes.
	Open(who catalog.Owner, id string) (catalog.Upload, *os.File, error)
}

// Config is what Files uses.
type Config struct {
	Uploads Uploads
	// Words is nil if no model is asked.
	Words Words
	// Shared says that equal questions are asked once.
	Shared bool
	// Pace returns how many calls a second the model answers at present; 0: not known. Nil: it
	// never is.
	Pace func() float64
}

// Files reads uploaded files. It is safe for concurrent use. Errors are faults or the
// context's.
type Files struct {
	config Config
	turns  chan struct{} // of files that are being described
}

// maxDescribed is how many files are described at once, each of which may take 200 MB.
const maxDescribed = 4

// New returns a reader of uploaded files. At most half of the processors describe files at
// once, which takes each of them some seconds.
func New(config Config) *Files {
	return &Files{config, make(chan struct{}, min(maxDescribed, max(1, runtime.GOMAXPROCS(0)/2)))}
}

// View is an uploaded file as it is to be read.
type View struct {
	Upload string // its id
	Sheet  string // empty: the first with data
	// Overrides are the columns of fields, as choices on the command line.
	Overrides map[string]string
}

// file is an uploaded file that is being read.
type file struct {
	catalog.Upload
	content *os.File
	rows    *Rows
	columns []string // as the file has them
	mapping *table.Mapping
}

// The usual further name of the column of pages.
const productColumn = "Product URL"

// maxSampleBytes is how much of the first rows is looked at.
const maxSampleBytes = 4 << 20

// maxNameBytes is for the names of columns together, as in the rows of a call.
const maxNameBytes = catalog.MaxTextBytes

// open opens a file and matches its columns.
func (f *Files) open(ctx context.Context, who catalog.Owner, v View) (*file, error) {
	choices, err := ChoicesOf("overrides", v.Overrides)
	if err != nil {
		return nil, err
	}
	upload, content, err := f.config.Uploads.Open(who, v.Upload)
	if err != nil {
		return nil, err
	}
	opened := &file{Upload: upload, content: content}
	if err := opened.match(ctx, v.Sheet, choices); err != nil {
		opened.close()
		return nil, err
	}
	return opened, nil
}

// close closes what was opened.
func (f *file) close() {
	if f.rows != nil {
		f.rows.Close()
	}
	_ = f.content.Close() // nothing was written
}

// ChoicesOf returns the overrides in a part of a request, the columns of fields, as choices.
func ChoicesOf(part string, overrides map[string]string) ([]table.ColumnChoice, error) {
	var choices []table.ColumnChoice
	for _, field := range slices.Sorted(maps.Keys(overrides)) {
		choice := table.ColumnChoice{Field: field, Name: overrides[field]}
		if err := choice.Check(); err != nil {
			return nil, OfOverrides(part, err)
		}
		choices = append(choices, choice)
	}
	return choices, nil
}

// OfOverrides returns the fault of a choice of a column as one of the overrides in a part of a
// request.
func OfOverrides(part string, err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || len(f.Violations) != 1 {
		return err
	}
	said := f.Violations[0].Message
	f = fault.Invalid(part, "%s", said)
	f.Unlogged = said // it names columns
	return f
}

// restart begins to read the file from its beginning.
func (f *file) restart(sheet string) (err error) {
	if f.rows != nil {
		f.rows.Close()
		f.rows = nil
	}
	if _, err := f.content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f.rows, err = OpenRows(f.content, table.ReaderConfig{Name: f.Name, Sheet: sheet, File: io.NewSectionReader(f.content, 0, f.Bytes)})
	return public(err)
}

// public returns an error in the words of a service: a command line has flags.
func public(err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || !strings.Contains(f.Message, "--sheet") {
		return err
	}
	c := *f
	c.Message = withoutFlags(f.Message)
	return &c
}

func withoutFlags(text string) string {
	return strings.NewReplacer(": choose by --sheet", "", " by --sheet", "", ": leave --sheet out", ": leave the sheet out").Replace(text)
}

// match opens the file and matches the columns by the first rows. Then it is at its beginning.
func (f *file) match(ctx context.Context, sheet string, choices []table.ColumnChoice) error {
	if err := f.restart(sheet); err != nil {
		return err
	}
	f.columns = f.rows.Header()
	sample, err := f.sample(ctx)
	if err != nil {
		return err
	}
	f.mapping, err = table.NewMapping(sample, table.MappingConfig{ProductColumn: productColumn, Choices: choices})
	if err != nil {
		return OfOverrides("overrides", err)
	}
	size := 0
	for _, name := range f.columns {
		size += len(name)
	}
	if size > maxNameBytes {
		return fault.New(fault.InvalidRequest, "the names of the columns have more than %d bytes: shorten them", maxNameBytes)
	}
	return f.restart(sheet)
}

// sample returns the first rows. Of a file without a header it finds the columns, for which
// it reads all.
func (f *file) sample(ctx context.Context) (sample []table.Row, err error) {
	keys := keyList{known: map[string]bool{}}
	defer func() {
		if f.columns == nil {
			f.columns = keys.list
		}
	}()
	size := 0
	for full := false; !full || f.columns == nil; {
		row, unreadable, err := f.rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			return sample, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case unreadable != nil:
			continue
		case err != nil && len(sample) > 0: // it comes again later
			return sample, nil
		case err != nil:
			return nil, err
		}
		keys.add(row)
		if full = full || len(sample) == table.SampleRows || size > maxSampleBytes; !full {
			sample = append(sample, row)
			size += sizeOf(row)
		}
	}
	return sample, nil
}

func sizeOf(row table.Row) (n int) {
	for _, cell := range row {
		n += len(cell.Key) + len(cell.Value.Text)
		for _, text := range cell.Value.List {
			n += len(text)
		}
	}
	return n
}

// keyList has the keys of rows in the order in which they appear, as far as a row may have
// columns.
type keyList struct {
	known map[string]bool
	list  []string
}

func (k *keyList) add(row table.Row) {
	for _, cell := range row {
		if !k.known[cell.Key] && len(k.list) < table.MaxColumns {
			k.known[cell.Key] = true
			k.list = append(k.list, cell.Key)
		}
	}
}

// cells returns the cells of the last row, one for each column at most.
func (f *file) cells(row table.Row) []string {
	original := f.rows.Cells()
	if original == nil {
		return cellsByKey(row, f.columns)
	}
	return f.rows.Fit(original)
}

func cellsByKey(row table.Row, columns []string) []string {
	values := make(map[string]string, len(row))
	for _, cell := range row {
		if cell.Value.Kind != table.Null {
			values[cell.Key] = cell.Value.String()
		}
	}
	cells := make([]string, len(columns))
	for i, name := range columns {
		cells[i] = values[name]
	}
	return cells
}
