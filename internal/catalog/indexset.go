package catalog

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// IndexSet is an immutable set of indexes in a compact form: pairs of varints, each the
// distance from the run before and the length of a run less one; or, if that is shorter,
// a bit for each index from the first one on. The first byte says which form it is.
type IndexSet []byte

const (
	formRuns byte = iota
	formBits
)

// NewIndexSet returns the set of indexes that are given in ascending order.
func NewIndexSet(sorted []int64) IndexSet {
	if len(sorted) == 0 {
		return nil
	}
	runs := IndexSet{formRuns}
	end := int64(0) // behind the run before
	for i := 0; i < len(sorted); {
		from := i
		for i++; i < len(sorted) && sorted[i] == sorted[i-1]+1; {
			i++
		}
		runs = binary.AppendUvarint(runs, uint64(sorted[from]-end)) //nolint:gosec // it is not negative
		runs = binary.AppendUvarint(runs, uint64(i-from-1))         //nolint:gosec // as above
		end = sorted[i-1] + 1
	}
	first := sorted[0] &^ 7
	size := (sorted[len(sorted)-1]-first)/8 + 1
	if int64(len(runs)) <= size+binary.MaxVarintLen64 {
		return runs
	}
	set := binary.AppendUvarint(IndexSet{formBits}, uint64(first)) //nolint:gosec // as above
	at := len(set)
	set = append(set, make([]byte, size)...)
	for _, index := range sorted {
		set[int64(at)+(index-first)/8] |= 1 << (index & 7)
	}
	return set
}

// All returns the indexes in ascending order. It stops at a part that is no part of a set.
func (s IndexSet) All() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		switch {
		case len(s) == 0:
		case s[0] == formBits:
			s.eachBit(yield)
		case s[0] == formRuns:
			s.eachRun(yield)
		}
	}
}

func (s IndexSet) eachRun(yield func(int64) bool) {
	index := int64(0)
	for rest := s[1:]; len(rest) > 0; {
		distance, n := binary.Uvarint(rest)
		if n <= 0 {
			return
		}
		length, m := binary.Uvarint(rest[n:])
		if m <= 0 {
			return
		}
		rest = rest[n+m:]
		index += int64(distance) //nolint:gosec // what was stored fits
		for range length + 1 {
			if index < 0 || !yield(index) {
				return
			}
			index++
		}
	}
}

func (s IndexSet) eachBit(yield func(int64) bool) {
	first, n := binary.Uvarint(s[1:])
	if n <= 0 {
		return
	}
	for i, b := range s[1+n:] {
		for ; b != 0; b &= b - 1 {
			if !yield(int64(first) + int64(i)*8 + int64(bits.TrailingZeros8(b))) { //nolint:gosec // what was stored fits
				return
			}
		}
	}
}
