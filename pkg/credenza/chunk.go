package credenza

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// limit is how large a chunk becomes.
type limit struct{ pieces, bytes int }

var (
	// usualChunk is sent when it is full, or earlier when the connection is idle. Larger
	// chunks would take more memory and be hardly faster.
	usualChunk = limit{pieces: 100, bytes: 256 << 10}
	// shortList is what ClassifyItems sends in one message, if it is all there is. The first
	// rows of a table are sent together up to this, because the server looks at 200 of the
	// first chunk to match the columns.
	shortList = limit{pieces: 1000, bytes: 1 << 20}
)

// How long the first chunk is waited for, before what there is of it goes.
const (
	itemPatience = 20 * time.Millisecond
	rowPatience  = time.Second
)

// chunk is items or rows that are sent together, with their size. The first one of rows has
// what they have in common.
type chunk struct {
	items []*credenzav1.Item
	rows  []*credenzav1.Row
	table *table
	bytes int
}

func (c *chunk) takes(next *chunk, l limit) bool {
	return len(c.items)+len(c.rows) < l.pieces && c.bytes+next.bytes <= l.bytes
}

func (c *chunk) add(next *chunk) {
	c.items, c.rows = append(c.items, next.items...), append(c.rows, next.rows...)
	c.bytes += next.bytes
}

// rowChunk returns the rows as they are sent, nil for items.
func (c *chunk) rowChunk() *credenzav1.RowChunk {
	if c.rows == nil {
		return nil
	}
	p := &credenzav1.RowChunk{Rows: c.rows}
	if c.table != nil {
		p.Columns, p.Overrides = c.table.columns, c.table.overrides
	}
	return p
}

// source is what a call sends: items, or rows of a table.
type source struct {
	pieces iter.Seq[*chunk] // each of one item or row
	rows   bool
}

// table is what the rows of a call have in common.
type table struct {
	columns   []string
	overrides map[string]string
}

func itemSource(items iter.Seq[Item]) source {
	return source{pieces: func(yield func(*chunk) bool) {
		for item := range items {
			p := itemToProto(item)
			if !yield(&chunk{items: []*credenzav1.Item{p}, bytes: proto.Size(p)}) {
				return
			}
		}
	}}
}

func rowSource(columns []string, rows iter.Seq[[]string], overrides map[string]string) source {
	return source{rows: true, pieces: func(yield func(*chunk) bool) {
		first := &table{texts(columns), textMap(overrides)}
		for cells := range rows {
			p := &credenzav1.Row{Cells: texts(cells)}
			if !yield(&chunk{rows: []*credenzav1.Row{p}, table: first, bytes: proto.Size(p)}) {
				return
			}
			first = nil
		}
	}}
}

// patience is how long the first chunk is waited for.
func (s *source) patience() time.Duration {
	if s.rows {
		return rowPatience
	}
	return itemPatience
}

// queue hands chunks to the sender. It holds one.
type queue struct {
	slot  chan *chunk
	full  chan struct{} // closed when a chunk had to wait for the sender
	ended chan struct{} // closed when there are no more
	first limit         // of the first chunk
}

func newQueue(first limit) *queue {
	return &queue{slot: make(chan *chunk, 1), full: make(chan struct{}), ended: make(chan struct{}), first: first}
}

// collect puts pieces into the queue. While the sender is busy, collect takes the chunk in
// the slot back and adds to it until it is full, then waits. So chunks are small while the
// connection is idle and large while it is busy, without a timer.
func (q *queue) collect(ctx context.Context, pieces iter.Seq[*chunk]) {
	defer close(q.slot)
	l, begun, waited := q.first, false, false
	for next := range pieces {
		select {
		case waiting := <-q.slot:
			if waiting.takes(next, l) {
				waiting.add(next)
				next = waiting
				break
			}
			q.slot <- waiting // only collect fills the slot, so there is room
			if !waited {
				waited = true
				close(q.full)
			}
		default:
			if begun { // the sender has the first one
				l = usualChunk
			}
		}
		begun = true
		select {
		case q.slot <- next:
		case <-ctx.Done():
			return
		}
	}
	close(q.ended)
}

// wait waits until the first chunk is complete, for the given time at most, and reports
// whether it is all there is. No time is as long as it takes.
func (q *queue) wait(ctx context.Context, patience time.Duration) (all bool) {
	var over <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-q.ended:
		return true
	case <-q.full:
	case <-over:
	case <-ctx.Done():
	}
	return false
}

// uplink is the sending side of a call.
type uplink[M proto.Message] interface {
	Send(message M) error
	CloseSend() error
}

// send sends each chunk in a message that wrap makes of it, and closes the sending side
// after the last one. It stops without an error when the stream has ended: receiving
// returns the reason. It does not close the side of a call that ctx has ended, so that
// the server does not take the items for complete.
func send[M proto.Message](ctx context.Context, c *Client, stream uplink[M], wrap func(*chunk) M, slot <-chan *chunk) error {
	for {
		chunk, alive := take(ctx, slot)
		switch {
		case !alive:
			return nil
		case chunk == nil:
			return errorFrom(stream.CloseSend())
		}
		message := wrap(chunk)
		if err := c.checkSize(message); err != nil {
			return err
		}
		if err := stream.Send(message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return errorFrom(err)
		}
	}
}

// take waits for the next chunk and returns nil after the last one. ok is false if ctx
// has ended.
func take(ctx context.Context, slot <-chan *chunk) (next *chunk, alive bool) {
	select {
	case next = <-slot:
	case <-ctx.Done():
	}
	return next, ctx.Err() == nil // both may have been ready, and select picks at random
}
