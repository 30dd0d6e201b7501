package preview

import (
	"container/list"
	"sync"
)

// kept has the pictures that were used last, of at most maxBytes together. The zero value is
// empty. It is safe for concurrent use: a person looks at dozens of pictures in a second, for
// which a lock and a list do.
type kept struct {
	mu    sync.Mutex
	byKey map[key]*list.Element
	order list.List // of *used, the last used one first
	bytes int
}

type used struct {
	key   key
	entry *entry
}

// get returns what is known of a key, nil for nothing.
func (c *kept) get(k key) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byKey[k]
	if at == nil {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*used).entry
}

// put keeps an entry in place of the one before, and drops what was not used for longest.
func (c *kept) put(k key, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[key]*list.Element{}
	}
	if before := c.byKey[k]; before != nil {
		c.drop(before)
	}
	c.byKey[k] = c.order.PushFront(&used{k, e})
	for c.bytes += e.weight(); c.bytes > maxBytes; {
		c.drop(c.order.Back())
	}
}

// drop forgets an entry. The caller holds mu.
func (c *kept) drop(at *list.Element) {
	u := c.order.Remove(at).(*used)
	delete(c.byKey, u.key)
	c.bytes -= u.entry.weight()
}
