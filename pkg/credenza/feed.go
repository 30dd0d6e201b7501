package credenza

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// A chunk is sent when it has this many items or bytes, or earlier when the line
// is idle. More would only add memory: at 100 items the cost of a message is
// spread thin already.
const (
	chunkItems = 100
	chunkBytes = 256 << 10
)

type feedStream = grpc.BidiStreamingClient[credenzav1.ClassifyFeedRequest, credenzav1.ClassifyFeedResponse]

// Feed asks about items that need not fit into memory, nor exist yet. Items are
// taken from the sequence no faster than the server takes them, in chunks; an
// item never waits for others to fill its chunk.
//
// The sequence runs on a goroutine of its own, which has ended when the
// iteration over the results ends. When that is left early or fails, the
// sequence is stopped at its next item: one that blocks on something else holds
// the iteration up until then.
func (c *Client) Feed(ctx context.Context, items iter.Seq[Item], o Options) *Stream {
	return &Stream{run: func(s *Stream, yield func(Batch, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		var work sync.WaitGroup
		defer work.Wait() // runs after the cancel below
		defer cancel(nil)
		stream, err := c.openFeed(ctx, o)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		slot := make(chan *chunk, 1)
		work.Go(func() { collect(ctx, items, slot) })
		work.Go(func() {
			if err := c.send(ctx, stream, slot); err != nil {
				cancel(err)
			}
		})
		s.receive(func() (event, error) { return receiveFeed(ctx, stream) }, yield)
	}}
}

func (c *Client) openFeed(ctx context.Context, o Options) (feedStream, error) {
	stream, err := c.items.ClassifyFeed(ctx)
	if err != nil {
		return nil, errorFrom(err)
	}
	spec := &credenzav1.FeedSpec{Mode: modeToProto(o.Mode), Options: optionsToProto(o)}
	err = stream.Send(&credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Spec{Spec: spec}})
	if err != nil && !errors.Is(err, io.EOF) { // EOF: Recv will say why
		return nil, errorFrom(err)
	}
	return stream, nil
}

// receiveFeed prefers the error that made us cancel over the cancelling itself.
func receiveFeed(ctx context.Context, stream feedStream) (event, error) {
	res, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		if e, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
			return nil, e
		}
	}
	return res, err
}

// send passes chunks on until there are no more, and closes its side. It stops
// without an error when the stream has ended: receiving says why.
func (c *Client) send(ctx context.Context, stream feedStream, slot <-chan *chunk) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case chunk, ok := <-slot:
			if !ok {
				return errorFrom(stream.CloseSend())
			}
			if err := c.sendChunk(stream, chunk); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return errorFrom(err)
			}
		}
	}
}

func (c *Client) sendChunk(stream feedStream, chunk *chunk) error {
	req := &credenzav1.ClassifyFeedRequest{
		Part: &credenzav1.ClassifyFeedRequest_Items{Items: &credenzav1.ItemChunk{Items: chunk.items}},
	}
	if err := c.checkSize(req); err != nil {
		return err
	}
	return stream.Send(req)
}

type chunk struct {
	items []*credenzav1.Item
	bytes int
}

func (c *chunk) takes(bytes int) bool {
	return len(c.items) < chunkItems && c.bytes+bytes <= chunkBytes
}

// collect packs items into chunks and puts them into slot, which holds one. While
// the sender is busy the chunk in the slot is taken back and grows; once it is
// full, collect waits. So chunks are small while the line is idle and large while
// it is not, and no timer is needed.
func collect(ctx context.Context, items iter.Seq[Item], slot chan *chunk) {
	defer close(slot)
	for item := range items {
		p := itemToProto(&item)
		next := &chunk{items: []*credenzav1.Item{p}, bytes: proto.Size(p)}
		select {
		case waiting := <-slot:
			if waiting.takes(next.bytes) {
				waiting.items = append(waiting.items, p)
				waiting.bytes += next.bytes
				next = waiting
			} else {
				slot <- waiting // only collect fills the slot, so there is room
			}
		default:
		}
		select {
		case slot <- next:
		case <-ctx.Done():
			return
		}
	}
}
