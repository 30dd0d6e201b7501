package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// reading says what part of a stream is read.
type reading struct {
	stream      jetstream.Stream // nil: the results
	filters     []string
	after       uint64 // sequence
	headersOnly bool
}

// Bounds of what is read ahead.
const (
	aheadMessages = 256
	aheadBytes    = 4 << 20
)

// How often the server says that it is there while it has nothing to send. A
// request that got lost, as happens in a cluster where its consumer is new, is
// sent again after two of these times.
const (
	replayBeat = 500 * time.Millisecond // the least
	followBeat = 2 * time.Second
	pullTime   = 5 * time.Second
)

// follow reads messages, also those that come later, until each or ctx ends it.
// Each is called once for each message, in order; whatever happens to the
// connection or the stream's leader meanwhile, none is left out.
func (st *store) follow(ctx context.Context, r reading, each func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error) error {
	messages, _, err := st.open(ctx, r, followBeat)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read a stored message's place: %w", err)
		}
		if err := each(msg, meta); err != nil {
			return err
		}
	}
}

// replay reads the messages that are there now.
func (st *store) replay(ctx context.Context, r reading, each func(msg jetstream.Msg, seq uint64) error) error {
	messages, pending, err := st.open(ctx, r, replayBeat)
	if err != nil {
		return err
	}
	defer messages.Stop()
	// A job that runs grows while it is read: what comes later is not waited for.
	for left := pending; left > 0; left-- {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read a stored message's place: %w", err)
		}
		if err := each(msg, meta.Sequence.Stream); err != nil {
			return err
		}
		left = min(left, meta.NumPending+1) // some may have been deleted meanwhile
	}
	return nil
}

// open begins to read, and tells how many messages are there to be read now.
func (st *store) open(ctx context.Context, r reading, beat time.Duration) (jetstream.MessagesContext, uint64, error) {
	stream := r.stream
	if stream == nil {
		stream = st.results
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	consumer, err := stream.OrderedConsumer(within, jetstream.OrderedConsumerConfig{
		FilterSubjects: r.filters, HeadersOnly: r.headersOnly,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.after + 1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, 0, err
	}
	pending := consumer.CachedInfo().NumPending
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(aheadMessages, aheadBytes),
		jetstream.PullExpiry(pullTime), jetstream.PullHeartbeat(beat))
	return messages, pending, err
}
