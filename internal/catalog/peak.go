package catalog

import "sync/atomic"

// Peak counts attempts in flight and keeps their highest number. The zero value is
// ready to use, and a nil Peak counts nothing. It is safe for concurrent use.
type Peak struct{ now, most atomic.Int64 }

// Enter adds one.
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

// Leave subtracts one.
func (p *Peak) Leave() {
	if p != nil {
		p.now.Add(-1)
	}
}

// Most returns the highest number so far.
func (p *Peak) Most() int {
	if p == nil {
		return 0
	}
	return int(p.most.Load())
}
