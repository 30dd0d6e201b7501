package table

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// MaxColumns is how many cells a row may have.
const MaxColumns = 1_000

// Cell is one value with the name of its column.
type Cell struct {
	Key   string
	Value Value
}

// Row is the cells of one product in their order. No two cells have the same
// key, to the letter; keys that differ in case only are two keys.
type Row []Cell

// Keys returns the names of the row's columns, in their order.
func (r Row) Keys() []string {
	keys := make([]string, len(r))
	for i, cell := range r {
		keys[i] = cell.Key
	}
	return keys
}

// Get returns the value in the column of that name, its case, spaces,
// underscores and hyphens aside. Of several such columns the last counts. It
// returns false if there is none.
func (r Row) Get(key string) (Value, bool) {
	var a, b [64]byte
	want := fold(a[:0], key)
	for i := len(r) - 1; i >= 0; i-- {
		if bytes.Equal(fold(b[:0], r[i].Key), want) {
			return r[i].Value, true
		}
	}
	return Value{}, false
}

// Exact returns the value in the column of that name, to the letter, null for none.
func (r Row) Exact(key string) Value {
	value, _ := r.lookup(key)
	return value
}

// lookup is Exact, and returns false if there is no such column.
func (r Row) lookup(key string) (Value, bool) {
	for _, cell := range r {
		if cell.Key == key {
			return cell.Value, true
		}
	}
	return Value{}, false
}

// Without returns the row's cells except those in the named columns, which are matched
// as in Get. It does not change the row.
func (r Row) Without(keys ...string) Row {
	drop := make(map[string]bool, len(keys))
	for _, key := range keys {
		drop[string(fold(nil, key))] = true
	}
	var buf [64]byte
	kept := make(Row, 0, len(r))
	for _, cell := range r {
		if !drop[string(fold(buf[:0], cell.Key))] {
			kept = append(kept, cell)
		}
	}
	return kept
}

// fold appends key to buf in the form in which column names are compared: lower
// case, without spaces, underscores and hyphens, and without the byte order mark
// that a file's first key may carry.
func fold(buf []byte, key string) []byte {
	for _, c := range key {
		if c == '_' || c == '-' || c == '\ufeff' || unicode.IsSpace(c) {
			continue
		}
		buf = utf8.AppendRune(buf, unicode.ToLower(c))
	}
	return buf
}
