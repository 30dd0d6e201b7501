package rpc

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// feed reads a caller's messages for a handler that must be able to leave.
//
// The problem: receiving on a stream cannot be interrupted but by the end of the
// stream's context, and gRPC ends that only after the handler has returned. A
// handler that received by itself would hang in a quiet feed when the engine
// fails or the server goes down. So receiving has a goroutine of its own, which
// is one message ahead at most; the handler waits for that goroutine or its own
// context, whichever comes first. The goroutine outlives the handler by the
// moment that gRPC takes to end the stream, and it is the server that waits for
// it, in Shutdown.
type feed struct {
	received chan received
	left     chan struct{} // closed when the handler leaves

	// Only the source's goroutine touches this.
	chunk []*credenzav1.Item
}

type received struct {
	message *credenzav1.ClassifyFeedRequest
	err     error
}

// startFeed begins to receive. The handler calls leave when it returns.
func startFeed(stream credenzav1.ClassificationService_ClassifyFeedServer, readers *sync.WaitGroup) *feed {
	f := &feed{received: make(chan received), left: make(chan struct{})}
	readers.Go(func() {
		for {
			message, err := receive(stream)
			select {
			case f.received <- received{message, err}:
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
func receive(stream credenzav1.ClassificationService_ClassifyFeedServer) (message *credenzav1.ClassifyFeedRequest, err error) {
	defer func() {
		if value := recover(); value != nil {
			message, err = nil, panicked(value)
		}
	}()
	return stream.Recv()
}

func (f *feed) leave() { close(f.left) }

// message waits for the next message, io.EOF after the last one. After an error
// it must not be called again.
func (f *feed) message(ctx context.Context) (*credenzav1.ClassifyFeedRequest, error) {
	select {
	case r := <-f.received:
		if ctx.Err() == nil { // both may have been ready, and select picks at random
			return r.message, r.err
		}
	case <-ctx.Done():
	}
	return nil, context.Cause(ctx)
}

// spec takes the first message.
func (f *feed) spec(ctx context.Context) (*credenzav1.FeedSpec, error) {
	message, err := f.message(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if spec := message.GetSpec(); spec != nil {
		return spec, nil
	}
	return nil, fault.Invalid("spec", "the first message of a feed must be its spec: send one, empty for all defaults")
}

// next is the feed's classify.Source. It is asked only while the call's window
// has room, so a caller who sends faster than the model answers is held up by
// HTTP/2's flow control.
func (f *feed) next(ctx context.Context) (*catalog.Item, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for len(f.chunk) == 0 {
		message, err := f.message(ctx)
		if err != nil {
			return nil, err
		}
		if message.GetSpec() != nil {
			return nil, fault.Invalid("spec", "a feed has one spec, its first message: send items only after it")
		}
		f.chunk = message.GetItems().GetItems()
	}
	item := itemFromProto(f.chunk[0])
	f.chunk[0], f.chunk = nil, f.chunk[1:]
	return item, nil
}
