package llmsim

import (
	"fmt"
	"math"
	"regexp/syntax"
)

// bounds returns a length's limits: those given, else the usual least and up to
// spread more.
func bounds(what string, least, most *int, usual, spread int) (int, int, error) {
	low := usual
	if most != nil {
		low = min(low, *most)
	}
	if least != nil {
		low = *least
	}
	high := low + spread
	if most != nil {
		high = min(high, *most)
	}
	if low < 0 || high < low {
		return 0, 0, fmt.Errorf("'min%s' and 'max%s' leave nothing", what, what)
	}
	const tooLong = 10_000
	if low > tooLong {
		return 0, 0, fmt.Errorf("'min%s' is over %d", what, tooLong)
	}
	return low, high, nil
}

// setLengths prepares a string; without limits it gets a few words.
func (n *node) setLengths(d document) {
	n.kind, n.minLength, n.maxLength = kindString, 0, -1
	if d.MinLength != nil {
		n.minLength = *d.MinLength
	}
	if d.MaxLength != nil {
		n.maxLength = *d.MaxLength
	}
}

func (n *node) setString(d document) error {
	if _, _, err := bounds("Length", d.MinLength, d.MaxLength, 0, 0); err != nil {
		return err
	}
	n.setLengths(d)
	n.format = d.Format
	if d.Pattern == "" {
		return nil
	}
	re, err := syntax.Parse(d.Pattern, syntax.Perl)
	if err != nil {
		return fmt.Errorf("'pattern' cannot be read: %w", err)
	}
	n.pattern = re.Simplify()
	return nil
}

// setRange prepares a number. Without limits a number is from 0 to 1, which is
// what models are mostly asked for, and an integer from 0 to 100.
func (n *node) setRange(d document) error {
	usual := 1.0
	if n.kind == kindInteger {
		usual = 100
	}
	least, leastOut := tighter(d.Minimum, d.ExclusiveMinimum, math.Max)
	most, mostOut := tighter(d.Maximum, d.ExclusiveMaximum, math.Min)
	switch {
	case least == nil && most == nil:
		n.low, n.high = 0, usual
	case least == nil:
		n.low, n.high = min(0, *most-usual), *most
	case most == nil:
		n.low, n.high = *least, max(*least+usual, usual)
	default:
		n.low, n.high = *least, *most
	}
	if d.MultipleOf != nil {
		n.step = *d.MultipleOf
	}
	if n.kind == kindInteger {
		n.step = max(math.Ceil(n.step), 1)
	}
	n.narrow(leastOut, mostOut)
	if n.low > n.high {
		return fmt.Errorf("'minimum' and 'maximum' leave no number")
	}
	return nil
}

// tighter returns the stricter of an inclusive and an exclusive limit, and
// whether the limit itself is out.
func tighter(inclusive, exclusive *float64, stricter func(a, b float64) float64) (*float64, bool) {
	switch {
	case exclusive == nil:
		return inclusive, false
	case inclusive == nil || *inclusive == *exclusive:
		return exclusive, true
	}
	limit := stricter(*inclusive, *exclusive)
	return &limit, limit == *exclusive
}

// narrow moves the ends onto numbers that may be given.
func (n *node) narrow(lowOut, highOut bool) {
	if n.step > 0 {
		low, high := math.Ceil(n.low/n.step), math.Floor(n.high/n.step)
		if lowOut && low*n.step == n.low {
			low++
		}
		if highOut && high*n.step == n.high {
			high--
		}
		n.low, n.high = low*n.step, high*n.step
		return
	}
	// A hundredth of the range is far enough from an end that is out, and keeps
	// the digits few.
	margin := (n.high - n.low) / 100
	if lowOut {
		n.low += margin
		n.lowIfEmpty(margin)
	}
	if highOut {
		n.high -= margin
		n.lowIfEmpty(margin)
	}
}

// lowIfEmpty makes a range without numbers recognisable as such.
func (n *node) lowIfEmpty(margin float64) {
	if margin <= 0 {
		n.high = n.low - 1
	}
}
