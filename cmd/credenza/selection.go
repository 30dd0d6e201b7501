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
	rows   int64          // of a small file; 0 if they were not counted
}

// smallFile is a file of up to so many bytes. Its rows are counted beforehand, which takes
// moments: files are read in large pieces, so what was read of a small one does not tell how
// much of it is done.
const smallFile = 4 << 20

// selectRows reads the input once more to choose rows at random, or to know how many a small
// file has.
func (c *classifyCommand) selectRows(ctx context.Context, in *input) (selection, error) {
	s := selection{limit: int64(min(c.Limit, math.MaxInt64))}
	isSmall := in.again && in.counted != nil && in.info.Size() <= smallFile
	if c.Sample == 0 && !isSmall {
		return s, nil
	}
	rows := int64(0)
	err := c.eachRow(ctx, in, func(*input, table.Row) error { rows++; return nil })
	if c.Sample == 0 {
		if err == nil { // else the rows before the error are classified all the same
			s.rows = rows
		}
		return s, nil
	}
	if err == nil {
		s.sample, s.total = sampleOf(int64(min(c.Sample, math.MaxInt64)), rows, c.Seed), rows
	}
	return s, err
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

// fraction returns how much of the rows that are taken so many are, given how much of the
// input was read, which is more, and 0 if it is not known.
func (s *selection) fraction(rows int64, read float64) float64 {
	most := s.size()
	if s.rows > 0 && (most == 0 || s.rows < most) {
		most = s.rows
	}
	switch {
	case most == 0:
		return read
	case s.rows == 0 && s.sample == nil: // there may be fewer rows than the limit
		return max(read, float64(rows)/float64(most))
	}
	return float64(rows) / float64(most)
}

// ends reports whether neither the row nor any after it is taken.
func (s *selection) ends(index int64) bool { return s.limit > 0 && index >= s.limit }

// takes reports whether the row is taken.
func (s *selection) takes(index int64) bool { return s.sample == nil || s.sample[index] }
