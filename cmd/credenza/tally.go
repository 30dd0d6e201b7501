package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// tally counts results.
type tally struct {
	start  time.Time
	before int // of Done: in earlier runs
	// rowsBefore is before, of Rows.
	rowsBefore int
	counts
}

// counts are what a half-done file keeps of a tally.
type counts struct {
	Rows      int            `json:"rows"` // written
	Done      int            `json:"done"` // classified or failed
	Kept      int            `json:"kept,omitempty"`
	KeptBad   int            `json:"kept_bad,omitempty"` // of Kept: failed earlier
	Failures  map[string]int `json:"failures,omitempty"`
	Retryable int            `json:"retryable,omitempty"` // of the failures
	// Pictures counts items that went without their picture, by reason.
	Pictures map[string]int `json:"pictures,omitempty"`
}

// note returns the counts for a half-done file.
func (t *tally) note() string {
	text, err := json.Marshal(t.counts)
	if err != nil { // never: they are numbers and texts
		return ""
	}
	return string(text)
}

// resume begins with the counts of earlier runs.
func (t *tally) resume(note string) error {
	if note == "" {
		return nil
	}
	err := json.Unmarshal([]byte(note), &t.counts)
	t.before, t.rowsBefore = t.Done, t.Rows
	return err
}

func (t *tally) add(results []credenza.Result) {
	for i := range results {
		t.addOne(&results[i])
	}
}

func (t *tally) addOne(r *credenza.Result) {
	t.Done++
	if r.Err != nil {
		t.Failures = countOne(t.Failures, string(r.Err.Reason))
		if r.Err.Retryable {
			t.Retryable++
		}
	}
	if e := resultfile.UnseenPicture(r); e != nil {
		t.Pictures = countOne(t.Pictures, e.Kind())
	}
}

func countOne(counts map[string]int, reason string) map[string]int {
	if counts == nil {
		counts = map[string]int{}
	}
	counts[reason]++
	return counts
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// failed returns how many rows have failed, those that were kept included.
func (t *tally) failed() int { return total(t.Failures) }

// conclude says on notes what has been done and returns the command's error.
func (t *tally) conclude(notes io.Writer, err error) error {
	if t.Done == 0 && err != nil && !errors.Is(err, errInterrupted) {
		return err
	}
	line := fmt.Sprintf("%s classified in %v", catalog.Count(t.Done-t.failed()+t.KeptBad, "item"), time.Since(t.start).Round(time.Millisecond))
	if errors.Is(err, errInterrupted) {
		line = "interrupted: " + line
	}
	if t.before > 0 {
		line += fmt.Sprintf(", %d of these before", t.before)
	}
	if t.Kept > 0 {
		line += fmt.Sprintf(", %d kept", t.Kept)
	}
	line += t.problems()
	printLine(notes, "credenza: %s", line)
	if err == nil && t.failed() > 0 {
		return errItemsFailed
	}
	return err
}

// problems returns the failures, and the items that went without their picture, by
// reason.
func (t *tally) problems() string {
	text := ""
	if t.failed() > 0 {
		text += fmt.Sprintf(", %d failed: %s", t.failed(), countsByReason(t.Failures))
	}
	return text + t.withoutPicture()
}

func (t *tally) withoutPicture() string {
	n := total(t.Pictures)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d went without their picture: %s", n, countsByReason(t.Pictures))
}

// countsByReason returns such as "2 REFUSED, 1 INVALID_ITEM", the largest first.
func countsByReason[N int | int64](failures map[string]N) string {
	reasons := slices.Sorted(maps.Keys(failures))
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(failures[b], failures[a]) })
	parts := make([]string, len(reasons))
	for i, reason := range reasons {
		parts[i] = fmt.Sprintf("%d %s", failures[reason], reason)
	}
	return strings.Join(parts, ", ")
}
