package credenza

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"google.golang.org/grpc"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

type feedStream = grpc.BidiStreamingClient[credenzav1.ClassifyFeedRequest, credenzav1.ClassifyFeedResponse]

// Feed classifies items that need not fit into memory or exist yet. It takes items from
// the sequence no faster than the server does, and sends them in chunks. An item never
// waits for others to fill its chunk. ClassifyItems does the same, and sends a short list in
// one message.
//
// The sequence runs on a goroutine of its own, which ends before the iteration over the
// results does. If the iteration is left early or fails, the sequence is stopped at its
// next item, and the iteration waits for that.
func (c *Client) Feed(ctx context.Context, items iter.Seq[Item], o Options) *Stream {
	return c.streamOf(ctx, itemSource(items), o, false)
}

// streamOf returns the results of a feed. If short is set, a short list that is there soon
// goes in one message instead.
func (c *Client) streamOf(ctx context.Context, src source, o Options, short bool) *Stream {
	return &Stream{run: func(s *Stream, yield func(Batch, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		var work sync.WaitGroup
		defer work.Wait() // runs after the cancel below
		defer cancel(nil)
		q := newQueue(usualChunk)
		if short {
			q.first = shortList
		}
		work.Go(func() { q.collect(ctx, src.pieces) })
		if short && q.wait(ctx, src.patience()) {
			if all, _ := take(ctx, q.slot); all != nil {
				c.receiveStream(ctx, s, all, o, yield)
				return
			}
		}
		stream, err := c.openFeed(ctx, o)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		work.Go(func() {
			if err := send(ctx, c, stream, feedChunk, q.slot); err != nil {
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

func feedChunk(c *chunk) *credenzav1.ClassifyFeedRequest {
	if rows := c.rowChunk(); rows != nil {
		return &credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Rows{Rows: rows}}
	}
	return &credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Items{Items: &credenzav1.ItemChunk{Items: c.items}}}
}

// receiveFeed returns the error that was the cause of a cancellation, not the
// cancellation itself.
func receiveFeed(ctx context.Context, stream feedStream) (event, error) {
	res, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		if e, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
			return nil, e
		}
	}
	return res, err
}
