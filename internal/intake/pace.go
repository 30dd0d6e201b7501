package intake

import "time"

const (
	// Grace is how long a message may be silent while it arrives.
	Grace = 30 * time.Second
	// LeastRate is what a message has to arrive with, in bytes a second: slower than
	// any line that is in use, and too fast to hold memory for nothing.
	LeastRate = 32 << 10
)

// Pace is the least rate of one message, as a bucket of time: each byte that comes
// buys the time in which it is due, and no more than Grace can be had in advance.
// So silence ends a message after Grace however much came before it, and one that
// comes at half of the rate ends after twice that.
type Pace struct{ until time.Time }

// NewPace begins now.
func NewPace() *Pace { return &Pace{time.Now().Add(Grace)} }

// Add says that n bytes came.
func (p *Pace) Add(n int) {
	p.until = Sooner(p.until.Add(time.Duration(n)*time.Second/LeastRate), time.Now().Add(Grace))
}

// Extend says that nothing could come for a time, because the server did not read.
func (p *Pace) Extend(d time.Duration) {
	p.until = Sooner(p.until.Add(d), time.Now().Add(Grace))
}

// Due returns by when more has to come.
func (p *Pace) Due() time.Time { return p.until }
