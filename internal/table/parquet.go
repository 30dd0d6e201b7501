package table

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetSource reads the rows of a Parquet file. In memory are the current page of each
// column and parquetBatch rows.
type parquetSource struct {
	at     position
	groups []parquet.RowGroup
	stored []format.RowGroup // as the footer has them
	pages  parquetPages
	rows   parquet.Rows // of the current group
	batch  []parquet.Row
	ready  []parquet.Row
	leaves []parquetLeaf
	line   int
}

const parquetBatch = 64

// parquetLeaf is a column of values.
type parquetLeaf struct {
	name   string
	list   bool   // a cell has several values
	binary bool   // a value was no text
	unread string // the name of a list of objects that it belongs to, empty for none
	text   func(parquet.Value) Value
}

// openParquet reads a Parquet file.
func (o *opener) openParquet(in io.Reader, buffered *bufio.Reader) (*Reader, error) {
	if err := o.noSheet(); err != nil {
		return nil, err
	}
	file, err := o.randomAccess(in, buffered)
	if err != nil {
		return nil, err
	}
	if !footerFits(file) {
		return nil, o.at.fault("is a Parquet file that has been cut off, since its end is missing: copy it once more")
	}
	if err := checkFooter(file); err != nil {
		return nil, o.at.fault("is a Parquet file that is damaged: %v", err)
	}
	s := &parquetSource{at: o.at, batch: make([]parquet.Row, parquetBatch)}
	var content *parquet.File
	err = s.guard(func() (err error) {
		content, err = parquet.OpenFile(file, file.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err == nil {
			err = checkCodecs(content.Metadata().RowGroups)
		}
		if err == nil {
			s.leaves, err = leavesOf(content.Root(), nil, false)
		}
		return err
	})
	switch {
	case errors.Is(err, errNested):
		return nil, o.at.fault("is a Parquet file with nested columns: %v: flatten them, or convert the file to JSON lines", err)
	case errors.Is(err, errCodec):
		return nil, o.at.fault("is a Parquet file that %v", err)
	case err != nil:
		return nil, o.at.fault("is a Parquet file that is damaged: %v", err)
	case len(s.leaves) > MaxColumns:
		return nil, o.at.fault("has %d columns, at most %d are allowed", len(s.leaves), MaxColumns)
	}
	s.groups, s.stored, s.pages.file = content.RowGroups(), content.Metadata().RowGroups, file
	o.closes = append(o.closes, s.close)
	o.notes = append(o.notes, s.note)
	names := s.nameLeaves()
	if len(names) == 0 {
		return nil, o.at.fault("is a Parquet file with nested columns alone (%s): flatten them, or convert the file to JSON lines", clip(shortList(s.unread())))
	}
	return &Reader{source: s, kind: "parquet", columns: names, header: names}, nil
}

// nameLeaves gives each column a name of its own, and returns their names in the file.
func (s *parquetSource) nameLeaves() []string {
	var names []string
	var read []*parquetLeaf
	for i := range s.leaves {
		if s.leaves[i].unread == "" {
			names, read = append(names, s.leaves[i].name), append(read, &s.leaves[i])
		}
	}
	for i, key := range uniqueKeys(names) {
		read[i].name = key
	}
	return names
}

// unread returns the names of the columns that are left out.
func (s *parquetSource) unread() []string {
	var names []string
	for _, leaf := range s.leaves {
		if leaf.unread != "" && !slices.Contains(names, leaf.unread) {
			names = append(names, leaf.unread)
		}
	}
	return names
}

// footerFits reports whether the file ends as the format says, with a footer that it has
// room for.
func footerFits(file *io.SectionReader) bool {
	var end [8]byte
	if _, err := file.ReadAt(end[:], file.Size()-int64(len(end))); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return string(end[4:]) == "PAR1" && int64(binary.LittleEndian.Uint32(end[:4])) <= file.Size()-12
}

// guard calls f, and returns a panic of the library as an error: it has them for files
// that are damaged.
func (s *parquetSource) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it contradicts itself (%v)", p)
		}
	}()
	return f()
}

func (s *parquetSource) close() {
	if s.rows != nil {
		_ = s.rows.Close() // it was read only
		s.rows = nil
	}
}

var errNested = errors.New("nested")

// leavesOf returns the columns of values below a column. Members of an object have its
// name in front; lists of values are one column.
func leavesOf(column *parquet.Column, path []string, list bool) ([]parquetLeaf, error) {
	list = list || column.Repeated()
	if column.Leaf() {
		return []parquetLeaf{{name: strings.Join(path, "."), list: list, text: valueOf(column.Type())}}, nil
	}
	if list && len(column.Columns()) > 1 {
		return unreadLeaves(column, path), nil
	}
	if len(path) > maxWrapping {
		return nil, fmt.Errorf("%s is %w too deeply", clip(strings.Join(path, ".")), errNested)
	}
	var leaves []parquetLeaf
	for _, child := range column.Columns() {
		under := append(path[:len(path):len(path)], child.Name())
		if list || (len(column.Columns()) == 1 && child.Repeated()) {
			under = path // a list in itself has no name, only its wrapping
		}
		more, err := leavesOf(child, under, list)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, more...)
	}
	return leaves, nil
}

// unreadLeaves returns the columns of values below a list of objects, or a map: their values do
// not say which belong together, so they are left out.
func unreadLeaves(column *parquet.Column, path []string) []parquetLeaf {
	if column.Leaf() {
		return []parquetLeaf{{unread: strings.Join(path, "."), text: valueOf(column.Type())}}
	}
	var leaves []parquetLeaf
	for _, child := range column.Columns() {
		leaves = append(leaves, unreadLeaves(child, path)...)
	}
	return leaves
}

func (s *parquetSource) next() (record, error) {
	for len(s.ready) == 0 {
		if err := s.guard(s.fill); err != nil {
			if errors.Is(err, io.EOF) {
				return record{}, io.EOF
			}
			return record{}, s.at.fault("is a Parquet file that is damaged at row %d: %v", s.line+1, err)
		}
	}
	values := s.ready[0]
	s.ready = s.ready[1:]
	s.line++
	r := record{line: s.line}
	err := s.guard(func() error {
		r.row, r.cells = s.row(values)
		return nil
	})
	if err != nil {
		return r, (position{s.at.file, s.line, 1}).ofRow(s.at.fault("row %d cannot be read: %v", s.line, err))
	}
	return r, nil
}

// fill reads the next rows.
func (s *parquetSource) fill() error {
	if s.rows == nil {
		for len(s.groups) > 0 && s.groups[0].NumRows() == 0 {
			s.groups = s.groups[1:]
		}
		if len(s.groups) == 0 {
			return io.EOF
		}
		if err := s.pages.check(&s.stored[len(s.stored)-len(s.groups)]); err != nil {
			return err
		}
		s.rows, s.groups = s.groups[0].Rows(), s.groups[1:]
	}
	n, err := s.rows.ReadRows(s.batch)
	s.ready = s.batch[:n]
	if errors.Is(err, io.EOF) {
		err = nil
		defer s.closeGroup() // its values are still needed
	}
	return err
}

func (s *parquetSource) closeGroup() {
	for i, row := range s.ready {
		s.ready[i] = row.Clone()
	}
	s.close()
}

// note says which columns have had values that are bytes and no text, empty for none.
func (s *parquetSource) note() string {
	if unread := s.unread(); len(unread) > 0 {
		return fmt.Sprintf("columns that are lists of objects, or maps, are not read (%s): flatten them, or convert the file to JSON lines", clip(shortList(unread)))
	}
	var names []string
	for _, leaf := range s.leaves {
		if leaf.binary {
			names = append(names, leaf.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("bytes that are not text, such as pictures, are not read (%s): give the pictures' addresses in a column", clip(shortList(names)))
}

// row returns the values of a row, and their texts.
func (s *parquetSource) row(values parquet.Row) (Row, []string) {
	row := make(Row, len(s.leaves))
	cells := make([]string, 0, len(s.leaves))
	lists := make(map[int][]string)
	for _, v := range values {
		i := v.Column()
		if s.leaves[i].unread != "" {
			continue
		}
		row[i].Value = s.leaves[i].text(v)
		s.leaves[i].binary = s.leaves[i].binary || isBinary(v) && row[i].Value.Kind == Null
		if s.leaves[i].list && !v.IsNull() {
			lists[i] = append(lists[i], row[i].Value.Text)
		}
	}
	named := row[:0]
	for i, leaf := range s.leaves {
		value := row[i].Value
		if leaf.unread != "" {
			continue
		}
		if leaf.list {
			value = ListValue(lists[i])
		}
		cell := value.String()
		if value.Kind == Text {
			cell = value.Text
		}
		cells = append(cells, cell)
		if leaf.name != "" && !strings.HasPrefix(leaf.name, "__index_level_") {
			named = append(named, Cell{leaf.name, value})
		}
	}
	return named, cells
}
