package rpc

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// uploaded is one message of a call whose caller sends a spec, then items or rows: a feed,
// or a job on its way in.
type uploaded[S comparable] interface {
	GetSpec() S // nil in a message of items or rows
	GetItems() *credenzav1.ItemChunk
	GetRows() *credenzav1.RowChunk
}

// feed reads a caller's messages for a handler that must be able to leave.
//
// The problem: only the end of the stream's context interrupts receiving, and gRPC
// ends that after the handler has returned. A handler that received by itself would
// hang in a quiet feed when the engine fails or the server goes down. So another
// goroutine receives, at most one message ahead, and the handler waits for it or for
// its own context. The goroutine ends shortly after the handler, when gRPC ends the
// stream; Shutdown waits for it.
type feed[S comparable, M uploaded[S]] struct {
	name     string // such as "a feed", for people
	received chan received[M]
	left     chan struct{} // closed when the handler leaves

	// Only the source's goroutine touches this.
	chunk *wireItems
	rows  rows
}

type received[M any] struct {
	message M
	err     error
}

// startFeed begins to receive. The handler calls leave when it returns.
func startFeed[S comparable, M uploaded[S]](name string, recv func() (M, error), readers *sync.WaitGroup) *feed[S, M] {
	f := &feed[S, M]{name: name, chunk: &wireItems{}, received: make(chan received[M]), left: make(chan struct{})}
	readers.Go(func() {
		for {
			message, err := receive(recv)
			select {
			case f.received <- received[M]{message, err}:
			case <-f.left:
				return
			}
			if err != nil {
				return
			}
		}
	})
	return f
}

// receive takes one message. A panic on the way, out of reach for the recovery
// of the handler's goroutine, becomes an error.
func receive[M any](recv func() (M, error)) (message M, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fault.Panicked(value)
		}
	}()
	return recv()
}

func (f *feed[S, M]) leave() { close(f.left) }

// message waits for the next message, io.EOF after the last one. After an error
// it must not be called again.
func (f *feed[S, M]) message(ctx context.Context) (message M, err error) {
	select {
	case r := <-f.received:
		if ctx.Err() == nil { // both may have been ready, and select picks at random
			return r.message, r.err
		}
	case <-ctx.Done():
	}
	return message, context.Cause(ctx)
}

// spec takes the first message.
func (f *feed[S, M]) spec(ctx context.Context) (spec S, err error) {
	message, err := f.message(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return spec, err
	}
	var none S
	if err == nil {
		spec = message.GetSpec()
	}
	if spec == none {
		return none, fault.Invalid("spec", "the first message of %s must be its spec: send one, empty for all defaults", f.name)
	}
	return spec, nil
}

// next is the feed's classify.Source. It is asked only while the call's window
// has room, so that flow control holds up a caller that sends faster than the model
// answers.
func (f *feed[S, M]) next(ctx context.Context) (*catalog.Item, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var none S
	for {
		item, err := f.chunk.next()
		if !errors.Is(err, io.EOF) {
			return item, err
		}
		message, err := f.message(ctx)
		if err != nil {
			return nil, err
		}
		if message.GetSpec() != none {
			return nil, fault.Invalid("spec", "%s has one spec, its first message: send only items and rows after it", f.name)
		}
		if f.chunk, err = f.open(message, intake.From(ctx)); err != nil {
			return nil, err
		}
	}
}

// open returns the items of a message with items or rows.
func (f *feed[S, M]) open(message M, in *intake.Inbound) (*wireItems, error) {
	if chunk := message.GetRows(); chunk != nil {
		return f.rows.open(chunk, in)
	}
	return newWireItems(message.GetItems().ProtoReflect().GetUnknown(), in, wireItem), nil
}
