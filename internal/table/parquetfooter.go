package table

import (
	"encoding/binary"
	"errors"
	"io"
)

// Bounds of a Parquet file's footer. A footer has some hundred bytes and three structures for
// each column of each row group.
const (
	maxFooter        = 16 << 20
	maxFooterStructs = 300_000
	maxFooterDepth   = 16
)

var (
	errFooterSize = errors.New("its footer is larger than that of any catalogue")
	errFooter     = errors.New("its footer contradicts itself")
)

// checkFooter returns an error for a footer that would take far more memory than its bytes,
// which footerFits has found in the file. The library trusts the lengths that a footer
// gives: one of 9 bytes has it ask for 200 GB, which ends the process.
func checkFooter(file *io.SectionReader) error {
	var end [4]byte
	if _, err := file.ReadAt(end[:], file.Size()-8); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(end[:]))
	if size > maxFooter {
		return errFooterSize
	}
	data := make([]byte, size)
	if _, err := file.ReadAt(data, file.Size()-8-size); err != nil {
		return err
	}
	f := footer{data: data}
	return f.fields(0)
}

// footer walks over values in Thrift's compact protocol, as a footer and the headers of pages
// are written, and counts structures.
type footer struct {
	data    []byte // the rest
	structs int
}

// The types of the protocol.
const (
	compactStop   = 0
	compactTrue   = 1
	compactFalse  = 2
	compactByte   = 3
	compactInt16  = 4
	compactInt32  = 5
	compactInt64  = 6
	compactDouble = 7
	compactBinary = 8
	compactList   = 9
	compactSet    = 10
	compactMap    = 11
	compactStruct = 12
)

// fields passes the fields of a structure.
func (f *footer) fields(depth int) error {
	if f.structs++; f.structs > maxFooterStructs || depth > maxFooterDepth {
		return errFooterSize
	}
	for {
		head, err := f.one()
		if err != nil || head&0xf == compactStop {
			return err
		}
		if head>>4 == 0 { // the field's number follows
			if _, err := f.varint(); err != nil {
				return err
			}
		}
		kind := head & 0xf
		if kind == compactTrue || kind == compactFalse { // which have no bytes of their own
			continue
		}
		if err := f.value(kind, depth+1); err != nil {
			return err
		}
	}
}

// value passes a value.
func (f *footer) value(kind byte, depth int) error {
	switch kind {
	case compactTrue, compactFalse, compactByte:
		return f.skip(1)
	case compactInt16, compactInt32, compactInt64:
		_, err := f.varint()
		return err
	case compactDouble:
		return f.skip(8)
	case compactBinary:
		n, err := f.varint()
		if err != nil {
			return err
		}
		return f.skip(n)
	case compactList, compactSet:
		return f.list(depth)
	case compactMap:
		return f.pairs(depth)
	case compactStruct:
		return f.fields(depth)
	}
	return errFooter
}

// list passes a list or a set.
func (f *footer) list(depth int) error {
	head, err := f.one()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 0xf {
		if n, err = f.varint(); err != nil {
			return err
		}
	}
	return f.values(n, depth, head&0xf)
}

// pairs passes a map.
func (f *footer) pairs(depth int) error {
	n, err := f.varint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := f.one()
	if err != nil {
		return err
	}
	return f.values(n, depth, kinds>>4, kinds&0xf)
}

// values passes n times a value of each kind. Each takes a byte at least.
func (f *footer) values(n uint64, depth int, kinds ...byte) error {
	switch {
	case depth > maxFooterDepth:
		return errFooterSize
	case n > uint64(len(f.data)):
		return errFooter
	}
	for range n {
		for _, kind := range kinds {
			if err := f.value(kind, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *footer) one() (byte, error) {
	if len(f.data) == 0 {
		return 0, errFooter
	}
	b := f.data[0]
	f.data = f.data[1:]
	return b, nil
}

func (f *footer) varint() (uint64, error) {
	v, n := binary.Uvarint(f.data)
	if n <= 0 {
		return 0, errFooter
	}
	f.data = f.data[n:]
	return v, nil
}

func (f *footer) skip(n uint64) error {
	if n > uint64(len(f.data)) {
		return errFooter
	}
	f.data = f.data[n:]
	return nil
}
