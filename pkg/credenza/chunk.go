package credenza

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/protobuf/proto"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// A chunk is sent when it has this many items or bytes, or earlier when the connection
// is idle. Larger chunks would take more memory and be hardly faster.
const (
	chunkItems = 100
	chunkBytes = 256 << 10
)

// uplink is the sending side of a call.
type uplink[M proto.Message] interface {
	Send(message M) error
	CloseSend() error
}

// send sends each chunk in a message that wrap makes of it, and closes the sending side
// after the last one. It stops without an error when the stream has ended: receiving
// returns the reason. It does not close the side of a call that ctx has ended, so that
// the server does not take the items for complete.
func send[M proto.Message](
	ctx context.Context, c *Client, stream uplink[M], wrap func(*credenzav1.ItemChunk) M, slot <-chan *chunk,
) error {
	for {
		chunk, alive := take(ctx, slot)
		switch {
		case !alive:
			return nil
		case chunk == nil:
			return errorFrom(stream.CloseSend())
		}
		message := wrap(&credenzav1.ItemChunk{Items: chunk.items})
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

type chunk struct {
	items []*credenzav1.Item
	bytes int
}

func (c *chunk) takes(bytes int) bool {
	return len(c.items) < chunkItems && c.bytes+bytes <= chunkBytes
}

// collect packs items into chunks and puts them into slot, which holds one. While the
// sender is busy, collect takes the chunk in the slot back and adds to it until it is
// full, then waits. So chunks are small while the connection is idle and large while it
// is busy, without a timer.
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
