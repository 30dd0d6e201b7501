package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// callGrace is how long after its deadline a call may end, on a busy machine.
const callGrace = 10 * time.Second

// book counts what was asked and what came, and keeps what may not be.
type book struct {
	// Of items: accepted ones were sent, answered ones got a result, failed ones of these an
	// error, and returned ones were in a call that ended with a status instead.
	accepted, answered, failed, returned atomic.Int64
	lost, doubled                        atomic.Int64
	jobs, retries, cancelled             atomic.Int64
	uploadsBroken                        atomic.Int64

	mu     sync.Mutex
	began  time.Time
	wrong  []string
	counts map[string]map[string]int // by topic and name, for the report
	calls  map[*call]struct{}
}

// call is a call in flight.
type call struct {
	what     string
	deadline time.Time
	reported bool
}

func newBook() *book {
	return &book{began: time.Now(), counts: map[string]map[string]int{}, calls: map[*call]struct{}{}}
}

// violate notes an invariant that does not hold.
func (b *book) violate(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	b.wrong = append(b.wrong, text)
	fmt.Printf("%7.1fs VIOLATION %s\n", time.Since(b.began).Seconds(), text)
}

// check notes that something is not possible which must be, and reports whether it was possible.
func (b *book) check(what string, err error) bool {
	if err != nil {
		b.violate("%s: %v", what, err)
	}
	return err == nil
}

func (b *book) violations() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.wrong)
}

// say prints a line about the progress.
func (b *book) say(format string, args ...any) {
	fmt.Printf("%7.1fs %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// count counts something of a topic, such as "fault".
func (b *book) count(topic, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts[topic] == nil {
		b.counts[topic] = map[string]int{}
	}
	b.counts[topic][name]++
}

// total is how often something of a topic was counted.
func (b *book) total(topic string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.counts[topic] {
		n += each
	}
	return n
}

// list is the names of a topic and how often each was counted, the most frequent first.
func (b *book) list(topic string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.counts[topic]
	names := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(names, ", ")
}

// begin notes a call that has to end by its deadline, and returns the function for its end.
func (b *book) begin(what string, deadline time.Time) (end func()) {
	c := &call{what: what, deadline: deadline}
	b.mu.Lock()
	b.calls[c] = struct{}{}
	b.mu.Unlock()
	return func() {
		b.mu.Lock()
		delete(b.calls, c)
		b.mu.Unlock()
	}
}

// watchCalls looks for calls that do not end, until ctx does.
func (b *book) watchCalls(ctx context.Context) {
	for pause(ctx, time.Second) == nil {
		for _, what := range b.overdue() {
			b.violate("%s has not ended %v after its deadline", what, callGrace)
		}
	}
}

func (b *book) overdue() (what []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.calls {
		if !c.reported && time.Since(c.deadline) > callGrace {
			c.reported = true
			what = append(what, c.what)
		}
	}
	return what
}

// tally is the results of one call or job, by the places of its items.
type tally struct {
	what string
	seen map[int64]int
}

func newTally(what string) *tally { return &tally{what: what, seen: map[int64]int{}} }

// add counts a result.
func (t *tally) add(b *book, index int64, failure string) {
	t.seen[index]++
	if t.seen[index] > 1 {
		b.doubled.Add(1)
		b.violate("%s: item %d has %d results", t.what, index, t.seen[index])
		return
	}
	b.answered.Add(1)
	if failure != "" {
		b.failed.Add(1)
		b.count("item error", failure)
	}
}

// addAll counts the results of a batch.
func (t *tally) addAll(b *book, results []credenza.Result) {
	for i := range results {
		t.add(b, results[i].Index, failureOf(&results[i]))
	}
}

// complete checks that each place has its result.
func (t *tally) complete(b *book, indexes []int64) {
	missing := 0
	for _, index := range indexes {
		if t.seen[index] == 0 {
			missing++
		}
	}
	if missing > 0 {
		b.lost.Add(int64(missing))
		b.violate("%s: %d of %d items have no result although it ended well", t.what, missing, len(indexes))
	}
	if len(t.seen) > len(indexes)-missing {
		b.violate("%s: %d results for %d items", t.what, len(t.seen), len(indexes))
	}
}
