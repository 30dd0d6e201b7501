package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// table writes lines until one fails.
type table struct {
	w   io.Writer
	err error
}

func (t *table) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// errMissed is the error of a command whose figures miss a goal.
var errMissed = errors.New("the goal is missed")

// result returns the table's error, or errMissed if reached is false.
func (t *table) result(reached bool) error {
	if t.err == nil && !reached {
		return errMissed
	}
	return t.err
}

func (t *table) row(cells ...any) {
	t.printf("%-8s %-10s %9s %10s %10s %8s %12s %12s\n", cells...)
}

func f1(v float64) string       { return strconv.FormatFloat(v, 'f', 1, 64) }
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
func us(d time.Duration) string { return fmt.Sprintf("%.0f us", float64(d)/1e3) }
func mib(n int64) string        { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
func pct(v float64) string      { return fmt.Sprintf("%.1f %%", 100*v) }
