package review

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// change is a change in an index.
type change struct {
	place  uint64
	id     string
	active bool // it was not taken back
	// single has the corrections of a change of single results, and bulk the one of all
	// indexes. Neither is there if the change takes another one back.
	single  []held
	bulk    *held
	indexes catalog.IndexSet
	undoes  *change // nil: it takes nothing back
}

// held is a correction in an index.
type held struct {
	change *change
	index  int64 // of the result; not used in bulk
	labels labels
	note   string // as it was written
	query  string // the note in lower case
	person string
	at     time.Time
}

// members calls yield with the row and correction of each result that the index has.
func (x *index) members(c *change) iter.Seq2[int, *held] {
	return func(yield func(int, *held) bool) {
		for i := range c.single {
			if row, ok := x.places.row(c.single[i].index); ok && !yield(row, &c.single[i]) {
				return
			}
		}
		if c.bulk == nil {
			return
		}
		for index := range c.indexes.All() {
			if row, ok := x.places.row(index); ok && !yield(row, c.bulk) {
				return
			}
		}
	}
}

// apply applies a stored change, which comes after all others.
func (x *index) apply(stored *catalog.StoredChange) {
	x.changed = stored.Place
	c := &change{place: stored.Place, id: stored.ID, indexes: stored.Indexes}
	x.changes = append(x.changes, c)
	x.byID[c.id] = c
	x.version++
	x.extra += changeBytes(stored)
	if stored.Undo != "" {
		if target := x.byID[stored.Undo]; target != nil && target.active {
			c.undoes, c.active = target, true
			x.takeBack(target)
		}
		return
	}
	for i := range stored.Corrections {
		c.single = append(c.single, x.held(c, stored, &stored.Corrections[i]))
	}
	if stored.Bulk != nil {
		h := x.held(c, stored, stored.Bulk)
		c.bulk = &h
	}
	x.noteEarly(c)
	x.bringBack(c)
}

// changeBytes returns about how many bytes a change takes.
func changeBytes(c *catalog.StoredChange) int64 {
	n := int64(len(c.Indexes)) + int64(len(c.Person)) + 200
	for i := range c.Corrections {
		n += 150 + 2*int64(len(c.Corrections[i].Note))
	}
	if c.Bulk != nil {
		n += 150 + 2*int64(len(c.Bulk.Note))
	}
	return n
}

func (x *index) held(c *change, stored *catalog.StoredChange, correction *catalog.Correction) held {
	return held{
		change: c, index: correction.Index, note: correction.Note, query: strings.ToLower(correction.Note), person: stored.Person, at: stored.At,
		labels: labels{x.names.id(correction.Category), x.names.id(correction.PrimaryStyle), x.names.id(correction.SecondaryStyle)},
	}
}

// bringBack makes a change count, for all results that were not changed after it.
func (x *index) bringBack(c *change) {
	c.active = true
	if c.undoes != nil {
		x.takeBack(c.undoes)
		return
	}
	for row, h := range x.members(c) {
		if r := &x.rows[row]; r.held == nil || r.held.change.place <= c.place {
			x.put(r, h)
		}
	}
}

// takeBack makes a change not count. Its results get the corrections of earlier changes
// again, unless they were changed after it.
func (x *index) takeBack(c *change) {
	c.active = false
	if c.undoes != nil {
		x.bringBack(c.undoes)
		return
	}
	open, left := newBitmap(len(x.rows)), 0
	for row := range x.members(c) {
		if r := &x.rows[row]; r.held != nil && r.held.change == c {
			x.put(r, nil)
			open.add(row)
			left++
		}
	}
	before, _ := slices.BinarySearchFunc(x.changes, c.place, func(c *change, place uint64) int {
		return cmp.Compare(c.place, place)
	})
	for before--; before >= 0 && left > 0; before-- {
		earlier := x.changes[before]
		if !earlier.active || earlier.undoes != nil {
			continue
		}
		for row, h := range x.members(earlier) {
			if open.has(int64(row)) {
				x.put(&x.rows[row], h)
				open.remove(row)
				left--
			}
		}
	}
}

// put puts a correction in force. nil: there is none.
func (x *index) put(r *row, h *held) {
	r.held, r.now, r.state = h, r.labels, catalog.Unchecked
	if h == nil {
		return
	}
	r.state = catalog.Accepted
	for i, label := range h.labels {
		if label != 0 && label != r.labels[i] {
			r.now[i], r.state = label, catalog.Corrected
		}
	}
}

// undone returns how many results would be changed if a change were taken back.
func (x *index) undone(c *change) (n int64) {
	if c.undoes != nil {
		return x.redone(c.undoes)
	}
	for row := range x.members(c) {
		if r := &x.rows[row]; r.held != nil && r.held.change == c {
			n++
		}
	}
	return n
}

// redone returns how many results would be changed if a change counted again.
func (x *index) redone(c *change) (n int64) {
	if c.undoes != nil {
		return x.undone(c.undoes)
	}
	for row := range x.members(c) {
		if r := &x.rows[row]; r.held == nil || r.held.change.place < c.place {
			n++
		}
	}
	return n
}

// noteEarly remembers the results of a change that the index does not have yet, as may
// happen in a cluster, whose servers may be behind.
func (x *index) noteEarly(c *change) {
	note := func(index int64) {
		if _, there := x.places.row(index); !there {
			x.early[index] = true
		}
	}
	for i := range c.single {
		note(c.single[i].index)
	}
	for index := range c.indexes.All() {
		note(index)
	}
}

// catchUp puts the correction of a row in force that came before the row.
func (x *index) catchUp(row int) {
	delete(x.early, x.rows[row].index)
	for _, c := range slices.Backward(x.changes) {
		for at, h := range x.members(c) {
			if at == row && c.active {
				x.put(&x.rows[row], h)
				return
			}
		}
	}
}

// correction returns the correction in force of a row, nil if there is none.
func (x *index) correction(r *row) *catalog.Correction {
	if r.held == nil {
		return nil
	}
	h := r.held
	return &catalog.Correction{
		Index: r.index, Category: x.names.list[h.labels[category]], PrimaryStyle: x.names.list[h.labels[primary]],
		SecondaryStyle: x.names.list[h.labels[secondary]], Note: h.note, Person: h.person, At: h.at, State: r.state,
	}
}
