package credenza

import (
	"context"
	"errors"
	"io"
	"iter"

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

// uplink is the side of a call that items are sent on.
type uplink[M proto.Message] interface {
	Send(message M) error
	CloseSend() error
}

// send passes chunks on, each in a message that wrap makes of it, until there are
// no more, and closes its side. It stops without an error when the stream has
// ended: receiving says why. What ctx has ended is never closed, so that a server
// does not take it for whole.
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

// take waits for the next chunk, nil after the last one, while ctx is alive.
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
