// Package lru is a cache with a bound on the weight of what it holds: the least
// recently used goes first.
//
//	c := lru.New[string, []byte](64 << 20)
//	c.Put("a", data, int64(len(data)))
package lru

import (
	"container/list"
	"sync"
)

// Cache holds values by key. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	limit int64

	mu      sync.Mutex
	weight  int64
	entries map[K]*list.Element
	order   *list.List // the most recently used in front
}

type entry[K comparable, V any] struct {
	key    K
	value  V
	weight int64
}

// New returns an empty cache of at most that weight, in any unit. A cache of 0
// holds nothing.
func New[K comparable, V any](limit int64) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, entries: map[K]*list.Element{}, order: list.New()}
}

// Get returns the value of a key.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		var zero V
		return zero, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// Put sets the value of a key. One that is heavier than the whole cache is not
// held, nor is what the key had before.
func (c *Cache[K, V]) Put(key K, value V, weight int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		c.remove(e)
	}
	if weight > c.limit {
		return
	}
	c.entries[key] = c.order.PushFront(&entry[K, V]{key, value, weight})
	for c.weight += weight; c.weight > c.limit; {
		c.remove(c.order.Back())
	}
}

func (c *Cache[K, V]) remove(e *list.Element) {
	old := c.order.Remove(e).(*entry[K, V])
	delete(c.entries, old.key)
	c.weight -= old.weight
}

// Weight returns the weight of all that is held.
func (c *Cache[K, V]) Weight() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.weight
}
