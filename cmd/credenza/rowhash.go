package main

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/credenza-dev/credenza/internal/table"
)

// hashRow returns a hash of a row by which a later run knows it again, and about how many
// bytes the row takes.
func hashRow(row table.Row, cells []string) (hash uint64, size int) {
	d := xxhash.New()
	add := func(text string) {
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = d.Write(length[:]) // a hash has no errors
		_, _ = d.WriteString(text)
		size += len(text) + 16
	}
	if cells != nil {
		for _, text := range cells {
			add(text)
		}
		return d.Sum64(), size + 128
	}
	for _, cell := range row {
		add(cell.Key)
		add(string(rune(cell.Value.Kind)) + cell.Value.Text)
		for _, text := range cell.Value.List {
			add(text)
		}
	}
	return d.Sum64(), size + 128
}

// hashText returns the row's hash as files of results have it.
func (p *pendingRow) hashText() string {
	return fmt.Sprintf("%016x", p.hash)
}

// hashOf returns the hash of rows of which sum is that of all but the last.
func hashOf(sum, last uint64) uint64 {
	var both [16]byte
	binary.LittleEndian.PutUint64(both[:8], sum)
	binary.LittleEndian.PutUint64(both[8:], last)
	return xxhash.Sum64(both[:])
}
