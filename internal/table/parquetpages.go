package table

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// Bounds of the pages of a Parquet file. A page usually has a megabyte, at most that of a row
// group's column.
const (
	maxPageValues = 16 << 20
	// maxOpenPages is for the largest pages of all columns of a row group, unpacked, since one
	// of each column is in memory, with valueBytes for each value.
	maxOpenPages  = 512 << 20
	valueBytes    = 8
	maxPages      = 2_000_000
	maxPageHeader = 64 << 20 // it has the least and the greatest value
	maxLZ4Page    = 64 << 20 // it is unpacked as a whole
)

var errPage = errors.New("a page contradicts itself, or is larger than that of any catalogue")

// parquetPages looks at the headers of pages before the library does, which trusts them as
// it trusts the footer.
type parquetPages struct {
	file  *io.SectionReader
	zstd  *zstd.Decoder // nil: none was needed
	bytes int64         // of all columns so far
	count int
}

// check returns an error if a page of a row group may not be read.
func (p *parquetPages) check(group *format.RowGroup) error {
	open := int64(0)
	for i := range group.Columns {
		largest, err := p.column(&group.Columns[i].MetaData)
		if err != nil {
			return err
		}
		if open += largest; open > maxOpenPages {
			return errPage
		}
	}
	return nil
}

// column looks at the pages of a column, which follow each other. It returns the bytes of
// the largest one in memory.
func (p *parquetPages) column(m *format.ColumnMetaData) (largest int64, err error) {
	at := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		at = m.DictionaryPageOffset
	}
	if at < 0 || at > p.file.Size() || m.TotalCompressedSize < 0 {
		return 0, errPage
	}
	end := at + min(m.TotalCompressedSize, p.file.Size()-at)
	if p.bytes += end - at; p.bytes > p.file.Size() { // columns share no bytes
		return 0, errPage
	}
	for at < end {
		if p.count++; p.count > maxPages {
			return 0, errPage
		}
		page, err := p.page(at, end)
		if err != nil {
			return 0, err
		}
		if !p.unpacks(m.Codec, &page) {
			return 0, errPage
		}
		largest = max(largest, page.unpacked+valueBytes*page.values)
		at = page.at + page.packed
	}
	return largest, nil
}

// page is where a page's content is, behind its header, and what the header says of it.
type page struct {
	at, packed, unpacked, values int64
	plain                        int64 // bytes at the beginning that are not compressed
	stored                       bool  // nothing of it is compressed, whatever the column's codec
}

// page reads the header of a page.
func (p *parquetPages) page(at, end int64) (page, error) {
	for room := int64(1 << 10); ; room *= 16 {
		head := make([]byte, min(room, end-at))
		if _, err := p.file.ReadAt(head, at); err != nil && !errors.Is(err, io.EOF) {
			return page{}, err
		}
		f := footer{data: head}
		switch err := f.fields(0); {
		case err == nil:
			head = head[:len(head)-len(f.data)]
			return pageOf(head, at+int64(len(head)), end)
		case !errors.Is(err, errFooter), room >= maxPageHeader, int64(len(head)) == end-at:
			return page{}, errPage
		}
	}
}

// pageOf returns the page of a header that footer has passed, whose content begins at a
// place before the column's end.
func pageOf(header []byte, at, end int64) (page, error) {
	var h format.PageHeader
	if thrift.Unmarshal(&thrift.CompactProtocol{}, header, &h) != nil {
		return page{}, errPage
	}
	v2 := h.DataPageHeaderV2.V
	defs, repet := int64(v2.DefinitionLevelsByteLength), int64(v2.RepetitionLevelsByteLength)
	p := page{
		at: at, packed: int64(h.CompressedPageSize), unpacked: int64(h.UncompressedPageSize),
		values: int64(max(h.DataPageHeader.V.NumValues, h.DictionaryPageHeader.V.NumValues, v2.NumValues)),
		plain:  defs + repet, stored: v2.IsCompressed.Valid && !v2.IsCompressed.V,
	}
	if p.packed < 0 || p.packed > end-at || p.unpacked < 0 || p.values > maxPageValues || defs < 0 || repet < 0 || p.plain > p.packed {
		return page{}, errPage
	}
	return p, nil
}

var errCodec = errors.New("is compressed")

var knownCodecs = []format.CompressionCodec{
	format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli, format.Lz4Raw,
}

// checkCodecs returns an error for pages that cannot be unpacked within bounds: the library
// unpacks what a page holds, whatever its header says, and for damaged LZ4 takes twice as
// much memory again and again.
func checkCodecs(groups []format.RowGroup) error {
	for i := range groups {
		for j := range groups[i].Columns {
			codec := groups[i].Columns[j].MetaData.Codec
			switch {
			case j >= len(groups[0].Columns) || codec != groups[0].Columns[j].MetaData.Codec:
				return fmt.Errorf("%w in several ways: write it once more", errCodec)
			case !slices.Contains(knownCodecs, codec):
				return fmt.Errorf("%w with %v, which is not supported: write it with zstd, snappy or gzip", errCodec, codec)
			}
		}
	}
	return nil
}

// unpacks reports whether a page unpacks to no more bytes than its header says.
func (p *parquetPages) unpacks(codec format.CompressionCodec, page *page) bool {
	if page.stored {
		return true
	}
	packed := io.NewSectionReader(p.file, page.at+page.plain, page.packed-page.plain)
	switch codec {
	case format.Snappy:
		var head [binary.MaxVarintLen64]byte
		n, _ := packed.ReadAt(head[:], 0) // a short one has an end
		size, _ := binary.Uvarint(head[:n])
		return size <= uint64(page.unpacked) //nolint:gosec // it is not negative
	case format.Gzip:
		unpacked, err := gzip.NewReader(packed)
		return err != nil || fits(unpacked, page.unpacked) // the library has the same error
	case format.Zstd:
		if p.zstd == nil {
			p.zstd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)) // the options are valid
		}
		return p.zstd.Reset(packed) != nil || fits(p.zstd, page.unpacked)
	case format.Brotli:
		return fits(brotli.NewReader(packed), page.unpacked)
	case format.Lz4Raw:
		return fitsLZ4(packed, page.unpacked)
	}
	return true
}

// fitsLZ4 reports whether a block of LZ4, which has no stream, is sound and has at most so
// many bytes.
func fitsLZ4(packed *io.SectionReader, most int64) bool {
	if most > maxLZ4Page || packed.Size() > maxLZ4Page {
		return false
	}
	block, err := io.ReadAll(packed)
	if err != nil {
		return false
	}
	_, err = lz4.UncompressBlock(block, make([]byte, most))
	return err == nil
}

// fits reports whether a reader ends, or fails, within so many bytes.
func fits(in io.Reader, most int64) bool {
	n, _ := io.CopyN(io.Discard, in, most+1) // the library has the same error
	return n <= most
}
