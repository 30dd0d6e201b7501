package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/fault"
)

// reading is the part of a stream to read.
type reading struct {
	stream      jetstream.Stream // nil: the results
	filters     []string
	after       uint64 // sequence
	headersOnly bool
}

// Bounds of reading ahead.
const (
	aheadMessages = 256
	aheadBytes    = 4 << 20
)

// The interval of the server's heartbeats while it has nothing to send. A request that
// is lost, as may happen in a cluster with a new consumer, is sent again after two
// intervals.
const (
	replayBeat = 500 * time.Millisecond // the least
	followBeat = 2 * time.Second
	pullTime   = 5 * time.Second
)

// followTime is how long a follower retries while the store does not answer. After
// that another replica may serve its caller.
const followTime = 15 * time.Second

// broken is an error of reading a stream, as opposed to one of handling a message.
type broken struct{ cause error }

func (b *broken) Error() string { return b.cause.Error() }

func (b *broken) Unwrap() error { return b.cause }

// follow reads messages until each returns an error or ctx ends. If finite is true, it
// stops after the messages that exist now. It calls each once for each message, in
// order, even if the connection breaks or the stream's leader changes.
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

// replay reads the messages that exist now.
func (st *store) replay(ctx context.Context, r reading, each func(msg jetstream.Msg, seq uint64) error) error {
	err := st.read(ctx, r, replayBeat, true, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		return each(msg, meta.Sequence.Stream)
	})
	if b, ok := errors.AsType[*broken](err); ok && ctx.Err() == nil && !fault.Is(asFault(b.cause), fault.StorageAway) {
		return storageAway(err) // whatever it is, reading again may work
	}
	return err
}

// silence bounds the wait for a message that is known to exist.
const silence = 10 * time.Second

// read reads messages until each returns an error or, if finite is true, until it has
// read those that existed at its start. An error of reading is *broken.
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
		// An active job grows while it is read. Later messages and deleted ones are
		// not waited for.
		left = min(left-1, meta.NumPending)
	}
	return nil
}

// open begins to read, and returns the number of messages that exist now. The caller
// calls end.
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
		InactiveThreshold: time.Minute, MaxResetAttempts: 1, // follow has attempts of its own, which end with ctx
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

// dropConsumer removes the consumer of a reading, which would otherwise stay on the
// server for a minute.
func (st *store) dropConsumer(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if info := consumer.CachedInfo(); info != nil {
		_ = stream.DeleteConsumer(within, info.Name) // else the server removes it later
	}
}
