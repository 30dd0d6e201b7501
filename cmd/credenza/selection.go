package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"github.com/credenza-dev/credenza/internal/table"
)

// rowFlags choose rows of the input.
type rowFlags struct {
	Limit  uint64 `placeholder:"N" help:"Take the first N rows only."`
	Sample uint64 `placeholder:"N" help:"Take N rows at random, in the order of FILE. The same --seed takes the same rows."`
	Seed   uint64 `default:"1" placeholder:"N" help:"The seed of --sample (default: 1)."`

	OnlyFailed bool `help:"Ask again for the rows that have failed in the file of --out, and keep its other rows."`
	OnlyReview bool `help:"Ask again for the rows that need review in the file of --out, and keep its other rows."`
}

// again reports whether an earlier file's rows are asked again.
func (f *rowFlags) again() bool { return f.OnlyFailed || f.OnlyReview }

func (f *rowFlags) validate(out string) error {
	switch {
	case f.Limit > 0 && f.Sample > 0:
		return errors.New("--limit and --sample exclude each other: give one of them")
	case f.again() && (f.Limit > 0 || f.Sample > 0):
		return errors.New("--only-failed and --only-review take all rows: leave out --limit and --sample")
	case f.again() && out == "":
		return errors.New("--only-failed and --only-review go on with an earlier file: name it with --out")
	}
	return nil
}

// selection is which rows of the input are taken.
type selection struct {
	limit  int64          // 0: all
	sample map[int64]bool // nil: all
	total  int64          // of the rows to sample
}

// selectRows reads the input once more to choose rows at random.
func (c *classifyCommand) selectRows(ctx context.Context, in *input) (selection, error) {
	s := selection{limit: int64(min(c.Limit, math.MaxInt64))}
	if c.Sample == 0 {
		return s, nil
	}
	total := int64(0)
	err := c.eachRow(ctx, in, func(*input, table.Row) error { total++; return nil })
	if err != nil {
		return s, err
	}
	s.sample, s.total = sampleOf(int64(min(c.Sample, math.MaxInt64)), total, c.Seed), total
	return s, nil
}

// sampleOf returns n of the numbers below total, by Floyd's algorithm (Bentley, Programming
// Pearls: a sample of brilliance).
func sampleOf(n, total int64, seed uint64) map[int64]bool {
	random := rand.New(rand.NewPCG(seed, 0))
	sample := map[int64]bool{}
	for i := max(0, total-n); i < total; i++ {
		at := random.Int64N(i + 1)
		if sample[at] {
			at = i
		}
		sample[at] = true
	}
	return sample
}

// size returns how many rows are taken at most, 0 if all are.
func (s *selection) size() int64 { return max(s.limit, int64(len(s.sample))) }

// ends reports whether neither the row nor any after it is taken.
func (s *selection) ends(index int64) bool { return s.limit > 0 && index >= s.limit }

// takes reports whether the row is taken.
func (s *selection) takes(index int64) bool { return s.sample == nil || s.sample[index] }
