package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/fault"
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

// followTime is how long a follower tries to go on where the store does not answer.
// Then its caller is better off with another replica.
const followTime = 15 * time.Second

// broken is an error of reading, not of what was done with what was read.
type broken struct{ cause error }

func (b *broken) Error() string { return b.cause.Error() }

func (b *broken) Unwrap() error { return b.cause }

// follow reads messages until each or ctx ends it, or, where it is finite, until all
// that are there are read; else also those that come later. Each is called once for each message, in order; whatever happens to the
// connection or the stream's leader meanwhile, none is left out.
func (st *store) follow(ctx context.Context, r reading, finite bool, each func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error) error {
	since := time.Now()
	for {
		err := st.read(ctx, r, followBeat, finite, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
			err := each(msg, meta)
			r.after, since = meta.Sequence.Stream, time.Now()
			return err
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.As(err, new(*broken)) {
			return err
		}
		if time.Since(since) > followTime {
			return storageAway(err)
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return context.Cause(ctx)
		}
	}
}

// replay reads the messages that are there now.
func (st *store) replay(ctx context.Context, r reading, each func(msg jetstream.Msg, seq uint64) error) error {
	err := st.read(ctx, r, replayBeat, true, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		return each(msg, meta.Sequence.Stream)
	})
	if b, ok := errors.AsType[*broken](err); ok && ctx.Err() == nil && !fault.Is(asFault(b.cause), fault.StorageAway) {
		return storageAway(err) // whatever it is, reading again may work
	}
	return err
}

// silence is how long a message that is known to be there is waited for.
const silence = 10 * time.Second

// read reads messages until each returns an error or, where it is finite, all that
// were there when it began are read. An error of reading is *broken.
func (st *store) read(ctx context.Context, r reading, beat time.Duration, finite bool, each func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	messages, left, end, err := st.open(ctx, r, beat)
	if err != nil {
		return &broken{err}
	}
	defer end()
	for !finite || left > 0 {
		within, cancel := ctx, context.CancelFunc(func() {})
		if finite {
			within, cancel = context.WithTimeout(ctx, silence)
		}
		msg, err := messages.Next(jetstream.NextContext(within))
		cancel()
		if err != nil {
			return &broken{err}
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read a stored message's place: %w", err)
		}
		if err := each(msg, meta); err != nil {
			return err
		}
		// A job that runs grows while it is read, and what comes later is not waited
		// for; nor is what was deleted meanwhile.
		left = min(left-1, meta.NumPending)
	}
	return nil
}

// open begins to read, and tells how many messages are there to be read now. The
// caller calls end.
func (st *store) open(ctx context.Context, r reading, beat time.Duration) (messages jetstream.MessagesContext, left uint64, end func(), err error) {
	stream := r.stream
	if stream == nil {
		stream = st.results
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	consumer, err := stream.OrderedConsumer(within, jetstream.OrderedConsumerConfig{
		FilterSubjects: r.filters, HeadersOnly: r.headersOnly,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.after + 1,
		InactiveThreshold: time.Minute, MaxResetAttempts: 1, // follow has attempts of its own, which heed ctx
	})
	if err != nil {
		return nil, 0, nil, err
	}
	left = consumer.CachedInfo().NumPending
	messages, err = consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(aheadMessages, aheadBytes),
		jetstream.PullExpiry(pullTime), jetstream.PullHeartbeat(beat))
	if err != nil {
		return nil, 0, nil, err
	}
	prevent := context.AfterFunc(ctx, messages.Stop) // also in the middle of a reset
	return messages, left, func() {
		prevent()
		messages.Stop()
		st.dropConsumer(ctx, stream, consumer)
	}, nil
}

// dropConsumer removes what a reading has left on the server, which would go by
// itself after a minute: readings may be many.
func (st *store) dropConsumer(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if info := consumer.CachedInfo(); info != nil {
		_ = stream.DeleteConsumer(within, info.Name) // else it goes by itself
	}
}
