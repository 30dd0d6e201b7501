package main

import (
	"math"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// pendingRow is a row from when it is read until it is written.
type pendingRow struct {
	index int64  // its place in the input, from 0
	hash  uint64 // of the row
	sum   uint64 // of this row and all before it
	cells []string
	// question is a hash of what is asked for the row, 0 if its answer is its own.
	question uint64
	row      table.Row
	size     int

	result  *credenza.Result
	kept    []table.Value // in place of a result: our columns, from an earlier file
	written bool
}

func (p *pendingRow) ready() bool { return p.result != nil || p.kept != nil || p.written }

// The bounds of the rows in memory. One slow item holds up the writing of all behind it:
// their results wait here and in the journal, and when the bound is reached, no further
// row is read until the slow one is done.
const (
	maxPendingRows  = 8192
	maxPendingBytes = 32 << 20
	// minLead is how many rows may be asked at once in any case, in addition to one and a
	// half times the service's calls to its model: enough for its first pictures.
	minLead = 64
	// usualPool stands for these calls if the service does not tell.
	usualPool = 128
	// leadTime is the time whose results, twice, may be asked at once. What is asked is
	// waited for after an interruption, so it is no more than that.
	leadTime = 3 * time.Second
)

// ordering holds the rows that are not written yet, in their order. It is safe for
// concurrent use.
type ordering struct {
	mu      sync.Mutex
	room    *sync.Cond
	rows    []*pendingRow
	bytes   int
	asked   map[int64]*pendingRow // by their place in the call
	calls   int64
	pool    int     // calls that the service may make at once
	pace    float64 // results of leadTime, the older the less
	paced   time.Time
	stopped bool
}

func newOrdering() *ordering {
	o := &ordering{asked: map[int64]*pendingRow{}, pool: usualPool}
	o.room = sync.NewCond(&o.mu)
	return o
}

// stop ends the waiting of put.
func (o *ordering) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.room.Broadcast()
}

// put adds a row at the end. It waits while there is no room for it, and returns false if
// it was stopped.
func (o *ordering) put(p *pendingRow) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.stopped && o.full(p) {
		o.room.Wait()
	}
	if o.stopped {
		return false
	}
	o.rows = append(o.rows, p)
	o.bytes += p.size
	if !p.ready() {
		o.asked[o.calls] = p
		o.calls++
	}
	return true
}

// full reports whether there is no room for a row. The caller holds mu.
func (o *ordering) full(p *pendingRow) bool {
	if len(o.rows) == 0 {
		return false
	}
	return len(o.rows) >= maxPendingRows || o.bytes+p.size > maxPendingBytes || !p.ready() && len(o.asked) >= o.lead(time.Now())
}

// lead returns how many rows may be asked at once. The caller holds mu.
func (o *ordering) lead(now time.Time) int { return max(minLead+o.pool*3/2, int(2*o.recent(now))) }

// setPool says how many calls the service may make at once.
func (o *ordering) setPool(calls int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pool = calls
	o.room.Broadcast()
}

func (o *ordering) recent(now time.Time) float64 {
	return o.pace * math.Exp(-float64(now.Sub(o.paced))/float64(leadTime))
}

// settle gives asked rows their results and returns them.
func (o *ordering) settle(results []credenza.Result) []*pendingRow {
	o.mu.Lock()
	defer o.mu.Unlock()
	settled := make([]*pendingRow, 0, len(results))
	for i := range results {
		p, ok := o.asked[results[i].Index]
		if !ok {
			continue // a server that answers twice
		}
		delete(o.asked, results[i].Index)
		results[i].Index = p.index
		p.result = &results[i]
		settled = append(settled, p)
	}
	now := time.Now()
	o.pace, o.paced = o.recent(now)+float64(len(settled)), now
	o.room.Broadcast()
	return settled
}

// next returns the first row if it is ready, and removes it.
func (o *ordering) next() *pendingRow {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rows) == 0 || !o.rows[0].ready() {
		return nil
	}
	p := o.rows[0]
	o.rows[0] = nil
	o.rows = o.rows[1:]
	o.bytes -= p.size
	o.room.Broadcast()
	return p
}

// waiting returns how many rows are asked.
func (o *ordering) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// left returns how many rows are not written.
func (o *ordering) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.rows)
}
