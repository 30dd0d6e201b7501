package main

import (
	"reflect"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// answered is the last item whose result an earlier run has left. Rows of one product have
// the same item: if a run ends between them, the cache that answered the rest is gone, and
// the product would be paid again. It is not safe for concurrent use.
type answered struct {
	item   *catalog.Item
	result *credenza.Result // nil: there is none
}

// note takes the result of an item, nil if no earlier run has it.
func (a *answered) note(item *catalog.Item, result *credenza.Result) {
	switch {
	case result != nil && result.Err == nil && result.ImageErr == nil: // others are not cached either
		a.item, a.result = item, result
	case a.result != nil && !sameItem(a.item, item):
		a.item, a.result = nil, nil
	}
}

// of returns the result of a row with the same item as the one before, or nil.
func (a *answered) of(index int64, item *catalog.Item) *credenza.Result {
	if a.result == nil || !sameItem(a.item, item) {
		return nil
	}
	result := *a.result
	result.Index, result.ItemID = index, item.ID
	result.Trace.Cached = true
	return &result
}

// sameItem reports whether two items are one question: a key is no part of it.
func sameItem(a, b *catalog.Item) bool {
	if a == nil || b == nil {
		return false
	}
	first, second := *a, *b
	first.ID, second.ID = "", ""
	return reflect.DeepEqual(first, second)
}
