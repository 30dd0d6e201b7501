package review

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// found has the rows that have each of some words in their text, labels or note.
type found struct {
	words   []string
	version uint64 // of the index
	rows    bitmap
	count   int
}

// maxFound is how many of them an index keeps: the list and the counts of a query ask for the
// same words, and while a person types, each query has the one before in it.
const maxFound = 8

// wordsOf returns the words of a query in lower case, the longest first, without those that
// are a part of another one.
func wordsOf(query string) []string {
	all := strings.Fields(strings.ToLower(query))
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	var words []string
	for _, word := range all {
		if !partOfAny(word, words) {
			words = append(words, word)
		}
	}
	return words
}

func partOfAny(part string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(word, part) })
}

// having returns the rows that have each of the words, nil for no words. The caller does not
// change them.
func (x *index) having(words []string) bitmap {
	x.found = slices.DeleteFunc(x.found, func(f *found) bool { return f.version != x.version })
	from := &found{count: len(x.rows)}
	for _, f := range x.found {
		if slices.Equal(f.words, words) {
			return f.rows
		}
		// A row that has the words has their parts too.
		if f.count <= from.count && !slices.ContainsFunc(f.words, func(part string) bool { return !partOfAny(part, words) }) {
			from = f
		}
	}
	f := &found{words: words, version: x.version, rows: from.rows, count: from.count}
	for _, word := range words {
		if !slices.Contains(from.words, word) {
			f.rows = x.narrow(f.rows, f.count, word)
			f.count = f.rows.count()
		}
	}
	x.found = slices.Insert(x.found[:min(len(x.found), maxFound-1)], 0, f)
	return f.rows
}

// narrow returns those of the rows that have a word. Nil rows are all.
func (x *index) narrow(rows bitmap, count int, word string) bitmap {
	// Up to that part of the rows, looking at each is faster than at all texts in order.
	const few = 4
	lets := x.wordFilter(word)
	narrowed := newBitmap(len(x.rows))
	if rows != nil && count <= len(x.rows)/few {
		for at := range rows.all() {
			if r := &x.rows[at]; bytes.Contains(x.texts.of(r.text), []byte(word)) || lets(r) {
				narrowed.add(at)
			}
		}
		return narrowed
	}
	x.texts.search(x.rows, []byte(word), narrowed)
	for at := range x.rows {
		if lets(&x.rows[at]) {
			narrowed.add(at)
		}
	}
	for i := range rows {
		narrowed[i] &= rows[i]
	}
	return narrowed
}

// wordFilter returns a function that reports whether a row has a word in its labels or note.
func (x *index) wordFilter(word string) func(*row) bool {
	labels, any := make([]bool, len(x.names.list)), false
	for id, name := range x.names.list {
		labels[id] = strings.Contains(strings.ToLower(name), word)
		any = any || labels[id]
	}
	return func(r *row) bool {
		return any && (has(labels, &r.now) || has(labels, &r.labels)) || r.held != nil && strings.Contains(r.held.query, word)
	}
}

func has(wanted []bool, l *labels) bool {
	return wanted[l[category]] || wanted[l[primary]] || wanted[l[secondary]]
}

// all yields the numbers of the set.
func (b bitmap) all() func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
