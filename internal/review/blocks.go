package review

import "github.com/klauspost/compress/s2"

// blockRows is how many results are packed together: more would pack better, and fewer
// are unpacked for one.
const blockRows = 32

// blocks has encoded results, packed.
type blocks struct {
	packed [][]byte
	open   []byte // of the last block
	opened int    // rows in it
	bytes  int64
}

// add adds an encoded result and returns its place in its block.
func (b *blocks) add(encoded []byte) (at, size uint32) {
	if b.opened == blockRows {
		block := s2.Encode(nil, b.open)
		block = append(make([]byte, 0, len(block)), block...) // without room for more
		b.packed = append(b.packed, block)
		b.bytes += int64(len(block))
		b.open, b.opened = make([]byte, 0, len(b.open)), 0 // readers may still have the old one
	}
	at = uint32(len(b.open)) //nolint:gosec // a few results
	b.open = append(b.open, encoded...)
	b.opened++
	return at, uint32(len(encoded)) //nolint:gosec // one result
}

// of returns a function that returns the block of a row as it is now. The function may be
// called at any time.
func (b *blocks) of(row int) func() ([]byte, error) {
	if n := row / blockRows; n < len(b.packed) {
		packed := b.packed[n]
		return func() ([]byte, error) { return s2.Decode(nil, packed) }
	}
	open := b.open
	return func() ([]byte, error) { return open, nil }
}

func (b *blocks) size() int64 { return b.bytes + int64(cap(b.open)) + int64(len(b.packed))*24 }
