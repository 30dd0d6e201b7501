package cache

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// put adds an entry to the queue for writing, unless the queue is full.
func (s *store) put(w written) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	if s.known != nil {
		s.known.add(w.key)
	}
	select {
	case s.queue <- w:
	default:
		s.drop(1)
	}
}

// drop counts answers that are not written.
func (s *store) drop(n int) {
	s.counts.dropped.Add(int64(n))
	if !s.full.Swap(true) {
		s.log.Warn("the shared cache is too slow for the answers that are written: some are kept in memory alone")
	}
}

// write writes the answers in the queue, until it is closed and empty.
func (s *store) write(ctx context.Context) {
	var answers []written
	for first := range s.queue {
		answers = s.gather(append(answers[:0], first))
		if len(s.queue) == 0 {
			s.full.Store(false)
		}
		if ctx.Err() != nil {
			s.drop(len(answers))
			continue
		}
		s.writeAll(ctx, answers)
		clear(answers) // else they stay in memory
	}
}

// gather adds the answers in the queue. It waits shortly for more unless a batch is full.
func (s *store) gather(answers []written) []written {
	if len(s.queue) < batch {
		timer := time.NewTimer(linger)
		select {
		case <-timer.C:
		case <-s.ending:
			timer.Stop()
		}
	}
	for len(answers) < batch {
		select {
		case w, ok := <-s.queue:
			if !ok {
				return answers
			}
			answers = append(answers, w)
		default:
			return answers
		}
	}
	return answers
}

func (s *store) writeAll(ctx context.Context, answers []written) {
	n := int64(len(answers))
	kv := s.kv.Load()
	if kv == nil {
		s.counts.skipped.Add(n)
		return
	}
	_, err := s.writes.Execute(func() (uint64, error) { return s.publish(ctx, *kv, answers) })
	switch {
	case err == nil:
		s.inUse()
		s.counts.written.Add(n)
	case isOpen(err):
		s.counts.skipped.Add(n)
	default:
		s.counts.failedWrites.Add(n)
		s.lose(kv, err)
	}
}

// publish writes answers in their order. The server acknowledges only the last one, which
// confirms all of them: an acknowledgement costs as much as the write. A panic becomes an
// error, since no caller would recover it.
func (s *store) publish(ctx context.Context, kv jetstream.KeyValue, answers []written) (revision uint64, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fault.Panicked(v)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	last := len(answers) - 1
	for i, w := range answers {
		value, err := codec.EncodeAnswer(&w.entry.answer)
		if err != nil {
			return 0, err
		}
		if i == last {
			return kv.Put(ctx, name(w.key), value)
		}
		if err := s.bucket.Publish(s.bucket.subject(name(w.key)), value); err != nil {
			return 0, err
		}
	}
	return 0, nil
}
