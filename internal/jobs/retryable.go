package jobs

import (
	"context"
	"errors"
	"math/big"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/codec"
)

// indexSet is a set of items of one job, a bit for each.
type indexSet struct {
	big.Int
	count int64
}

func (s *indexSet) add(index int64) {
	if s.Bit(int(index)) == 0 {
		s.SetBit(&s.Int, int(index), 1)
		s.count++
	}
}

// retryable returns the items of an ended job that failed and may succeed later.
func (s *Service) retryable(ctx context.Context, rec *jobRecord) (*indexSet, error) {
	set, read := &indexSet{}, int64(0)
	err := s.store.replay(ctx, reading{filters: []string{allOf(resultsPrefix, rec.Upload)}}, func(msg jetstream.Msg, seq uint64) error {
		if seq >= rec.EndedSeq {
			return nil
		}
		t := readTally(msg)
		if read += t.Done; t.Failed == 0 {
			return nil
		}
		outcomes, err := codec.DecodeOutcomes(msg.Data())
		if err != nil {
			return &unreadable{err}
		}
		for i := range outcomes {
			if f := outcomes[i].Err; f != nil && f.Retryable() {
				set.add(outcomes[i].Index)
			}
		}
		return nil
	})
	if err == nil && rec.Tally != nil && read < rec.Tally.Done {
		err = &unreadable{errors.New("results are missing")}
	}
	return set, err
}
