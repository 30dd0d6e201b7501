package catalog

import "sync/atomic"

// Peak counts what is in flight, and remembers the most there ever was. The zero
// value is ready, a nil one counts nothing. It is safe for concurrent use.
type Peak struct{ now, most atomic.Int64 }

// Enter counts one more.
func (p *Peak) Enter() {
	if p == nil {
		return
	}
	now := p.now.Add(1)
	for {
		most := p.most.Load()
		if now <= most || p.most.CompareAndSwap(most, now) {
			return
		}
	}
}

// Leave counts one less.
func (p *Peak) Leave() {
	if p != nil {
		p.now.Add(-1)
	}
}

// Most returns the most there ever was.
func (p *Peak) Most() int {
	if p == nil {
		return 0
	}
	return int(p.most.Load())
}
