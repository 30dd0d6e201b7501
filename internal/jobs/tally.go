package jobs

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// tally is the counts of some of a job's results. The header of each stored message has
// the tally of its results, so that counting does not read them.
type tally struct {
	Done         int64            `json:"d" cbor:"1,keyasint"`
	Failed       int64            `json:"f,omitempty" cbor:"2,keyasint,omitempty"`
	Cached       int64            `json:"c,omitempty" cbor:"3,keyasint,omitempty"`
	Deduplicated int64            `json:"s,omitempty" cbor:"4,keyasint,omitempty"`
	Calls        int64            `json:"u,omitempty" cbor:"5,keyasint,omitempty"`
	Prompt       int64            `json:"p,omitempty" cbor:"6,keyasint,omitempty"`
	CachedPrompt int64            `json:"q,omitempty" cbor:"7,keyasint,omitempty"`
	Completion   int64            `json:"o,omitempty" cbor:"8,keyasint,omitempty"`
	Failures     map[string]int64 `json:"r,omitempty" cbor:"9,keyasint,omitempty"`
	Peak         int              `json:"m,omitempty" cbor:"10,keyasint,omitempty"`
	CacheWrites  int64            `json:"w,omitempty" cbor:"11,keyasint,omitempty"`
	Reasoning    int64            `json:"t,omitempty" cbor:"12,keyasint,omitempty"`
}

func tallyOf(outcomes []catalog.Outcome, peak int) tally {
	var sum catalog.Summary
	for i := range outcomes {
		sum.Add(&outcomes[i])
	}
	return tally{
		Done: sum.Total, Failed: sum.Failed, Cached: sum.Cached, Deduplicated: sum.Deduplicated, Calls: sum.UpstreamCalls,
		Prompt: sum.Usage.Prompt, CachedPrompt: sum.Usage.CachedPrompt, Completion: sum.Usage.Completion,
		CacheWrites: sum.Usage.CacheWrites, Reasoning: sum.Usage.Reasoning,
		Failures: sum.FailuresByReason, Peak: peak,
	}
}

func (t *tally) add(u *tally) {
	t.Done += u.Done
	t.Failed += u.Failed
	t.Cached += u.Cached
	t.Deduplicated += u.Deduplicated
	t.Calls += u.Calls
	t.Prompt += u.Prompt
	t.CachedPrompt += u.CachedPrompt
	t.Completion += u.Completion
	t.CacheWrites += u.CacheWrites
	t.Reasoning += u.Reasoning
	t.Peak = max(t.Peak, u.Peak)
	for reason, n := range u.Failures {
		if t.Failures == nil {
			t.Failures = map[string]int64{}
		}
		t.Failures[reason] += n
	}
}

// summary returns the tally of a job that has ended.
func (t *tally) summary(rec *jobRecord) catalog.Summary {
	return catalog.Summary{
		Total: t.Done, Succeeded: t.Done - t.Failed, Failed: t.Failed, FailuresByReason: maps.Clone(t.Failures),
		Cached: t.Cached, Deduplicated: t.Deduplicated, UpstreamCalls: t.Calls,
		Usage: t.usage(), Elapsed: rec.elapsed(), PeakConcurrency: t.Peak,
	}
}

func (t *tally) usage() catalog.Usage {
	return catalog.Usage{
		Prompt: t.Prompt, CachedPrompt: t.CachedPrompt, Completion: t.Completion,
		CacheWrites: t.CacheWrites, Reasoning: t.Reasoning,
	}
}

// Headers of the results stream's messages.
const (
	headerTally = "Credenza-Tally" // a tally, JSON
	headerClaim = "Credenza-Take"  // the writer: a claim's name and the number of the message in it
	headerSize  = "Credenza-Size"  // how many results its chunk has in all
	headerJob   = "Credenza-Job"   // also of the items stream: the id of the job, or of the job to be
)

func chunkSize(msg jetstream.Msg) int {
	n, err := strconv.Atoi(msg.Headers().Get(headerSize))
	if err != nil {
		return math.MaxInt
	}
	return n
}

func encodeTally(t *tally) string {
	b, _ := json.Marshal(t) // numbers and strings always have a form
	return string(b)
}

// readTally returns the tally in the message's header, zero if that is invalid.
func readTally(msg jetstream.Msg) (t tally) {
	_ = json.Unmarshal([]byte(msg.Headers().Get(headerTally)), &t)
	return t
}

// count is the counts of an active job so far, so that a request for its progress reads
// only new messages.
type count struct {
	counted
	turn *semaphore.Weighted // a lock that a context ends the wait for
	last uint64              // sequence counted last
}

// counted is the counts of a job's stored results.
type counted struct {
	sum   tally
	ended uint64 // the end's sequence; 0: the job has none
	end   endForm
}

// count returns the counts of a job's stored results, up to its end if it has one.
func (s *Service) count(ctx context.Context, rec *jobRecord) (counted, error) {
	kept, _ := s.tallies.LoadOrStore(rec.Upload, &count{turn: semaphore.NewWeighted(1)})
	c := kept.(*count)
	if err := c.turn.Acquire(ctx, 1); err != nil {
		return counted{}, asFault(err)
	}
	defer c.turn.Release(1)
	err := s.store.replay(ctx, reading{
		filters: []string{allOf(resultsPrefix, rec.Upload)}, after: c.last, headersOnly: true,
	}, func(msg jetstream.Msg, seq uint64) error {
		if c.ended != 0 {
			return nil
		}
		if msg.Subject() == endSubject(rec.Upload) {
			if err := c.end.read(msg); err != nil {
				return err
			}
			c.ended, c.last = seq, seq
			return nil
		}
		t := readTally(msg)
		c.sum.add(&t)
		c.last = seq
		return nil
	})
	if err != nil {
		return counted{}, asFault(err)
	}
	now := c.counted
	now.sum.Failures = maps.Clone(c.sum.Failures)
	return now, nil
}
