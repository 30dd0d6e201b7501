package table

import (
	"errors"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// Bounds of the pages of a Parquet file. A page usually has a megabyte, at most that of a row
// group's column.
const (
	maxPage       = 256 << 20 // unpacked, as its header says
	maxPageValues = 16 << 20
	maxPages      = 2_000_000
	maxPageHeader = 256 << 10
)

var errPage = errors.New("a page contradicts itself, or is larger than that of any catalogue")

// parquetPages looks at the headers of pages before the library does, which trusts them as
// it trusts the footer.
type parquetPages struct {
	file  *io.SectionReader
	bytes int64 // of all columns so far
	count int
}

// check returns an error if a page of a row group may not be read.
func (p *parquetPages) check(group *format.RowGroup) error {
	for i := range group.Columns {
		if err := p.column(&group.Columns[i].MetaData); err != nil {
			return err
		}
	}
	return nil
}

// column looks at the pages of a column, which follow each other.
func (p *parquetPages) column(m *format.ColumnMetaData) error {
	at := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		at = m.DictionaryPageOffset
	}
	if at < 0 || at > p.file.Size() || m.TotalCompressedSize < 0 {
		return errPage
	}
	end := at + min(m.TotalCompressedSize, p.file.Size()-at)
	if p.bytes += end - at; p.bytes > p.file.Size() { // columns share no bytes
		return errPage
	}
	for at < end {
		if p.count++; p.count > maxPages {
			return errPage
		}
		size, err := p.page(at, end)
		if err != nil {
			return err
		}
		at += size
	}
	return nil
}

// page returns the size of a page with its header.
func (p *parquetPages) page(at, end int64) (int64, error) {
	for room := int64(1 << 10); ; room *= 16 {
		head := make([]byte, min(room, end-at))
		if _, err := p.file.ReadAt(head, at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		f := footer{data: head, numbers: map[[2]int64]int64{}}
		switch err := f.fields(0); {
		case err == nil:
			bytes := int64(len(head) - len(f.data))
			packed, err := pageSize(&f, end-at-bytes)
			return bytes + packed, err
		case !errors.Is(err, errFooter), room >= maxPageHeader, int64(len(head)) == end-at:
			return 0, errPage
		}
	}
}

// The numbers of fields of a page's header, and of its parts that have a number of values.
const (
	fieldUnpacked, fieldPacked    = 2, 3
	fieldData, fieldDict, fieldV2 = 5, 7, 8
	fieldValues                   = 1
)

// pageSize returns the size of a page, for which the column has so many bytes left.
func pageSize(header *footer, left int64) (int64, error) {
	unpacked, packed := header.numbers[[2]int64{0, fieldUnpacked}], header.numbers[[2]int64{0, fieldPacked}]
	if packed < 0 || packed > left || unpacked > maxPage {
		return 0, errPage
	}
	for _, part := range []int64{fieldData, fieldDict, fieldV2} {
		if header.numbers[[2]int64{part, fieldValues}] > maxPageValues {
			return 0, errPage
		}
	}
	return packed, nil
}
