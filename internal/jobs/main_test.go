package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/picture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model answers at once, or as an item's description says: "refuse" and "down"
// fail, "wait" waits until the model is let go, "down once" fails the first time, and
// "doubt" gets an answer of little confidence.
type model struct {
	slots  chan struct{}
	let    chan struct{} // closed: no call waits any more
	longer chan struct{} // the same for "wait longer"

	mu      sync.Mutex
	asked   map[string]int // by the item's ID
	arrived int            // questions, with those that wait for a slot
}

func newModel(slots int) *model {
	return &model{slots: make(chan struct{}, slots), let: make(chan struct{}), longer: make(chan struct{}), asked: map[string]int{}}
}

func (m *model) Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error) {
	answer := catalog.Answer{Trace: catalog.Trace{Backend: "openai", Model: "m", Attempts: 1}}
	m.mu.Lock()
	m.arrived++
	m.mu.Unlock()
	turn, stop := q.Waiting(ctx)
	defer stop()
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-turn.Done():
		return answer, turn.Err()
	}
	q.Calls.Enter()
	defer q.Calls.Leave()
	m.mu.Lock()
	m.asked[q.Item.ID]++
	times := m.asked[q.Item.ID]
	m.mu.Unlock()
	switch q.Item.Description {
	case "refuse":
		return answer, fault.New(fault.Refused, "no")
	case "down":
		return answer, fault.New(fault.UpstreamUnavailable, "down")
	case "slow":
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	case "down once":
		if times == 1 {
			return answer, fault.New(fault.UpstreamUnavailable, "down")
		}
	case "wait", "wait longer":
		let := m.let
		if q.Item.Description == "wait longer" {
			let = m.longer
		}
		select {
		case <-let:
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
	answer.Classification = catalog.Classification{Category: "SOFA", Confidence: 0.9, Reasoning: q.Item.Name, Evidence: catalog.EvidenceText}
	if q.Item.Description == "doubt" {
		answer.Classification.Confidence = 0.1
	}
	return answer, nil
}

// questions returns how many questions have come, with those that wait for a slot.
func (m *model) questions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.arrived
}

// askedTwice returns how many items were asked about more than once.
func (m *model) askedTwice() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, times := range m.asked {
		if times > 1 {
			n++
		}
	}
	return n
}

func (m *model) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, times := range m.asked {
		n += times
	}
	return n
}

type quiet struct{}

func (quiet) CallBegan(*classify.Call)                                {}
func (quiet) BatchBegan(*classify.Call, int64, catalog.Kind, int)     {}
func (quiet) BatchSent(*classify.Call, *catalog.Batch, time.Duration) {}
func (quiet) ItemDone(*classify.Call, *catalog.Outcome)               {}
func (quiet) Panicked(_ *classify.Call, _ int64, value any, _ []byte) { panic(value) }

// replica is a service with a model of its own.
type replica struct {
	*jobs.Service
	model  *model
	engine *classify.Engine
	log    *observer.ObservedLogs
}

// said counts the lines of the log that hold something.
func (r *replica) said(text string) int {
	return r.log.Filter(func(e observer.LoggedEntry) bool { return strings.Contains(e.Message, text) }).Len()
}

type setting func(*jobs.Config)

func openBroker(t *testing.T, dir string) *broker.Broker {
	t.Helper()
	return openLogged(t, dir, zap.NewNop())
}

func openLogged(t *testing.T, dir string, log *zap.Logger) *broker.Broker {
	t.Helper()
	b, err := broker.Open(t.Context(), broker.Config{Dir: dir, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newEngine(t *testing.T, m *model, o classify.Observer) *classify.Engine {
	t.Helper()
	engine, err := classify.New(classify.Config{
		BatchSize: [catalog.NumKinds]int{10, 5}, FlushDelay: 100 * time.Millisecond, ReviewBelow: 0.5,
	}, classify.Parts{
		Backend: m, Pictures: picture.Blind{}, PoolSize: func() int { return cap(m.slots) }, Observer: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func start(t *testing.T, storage jobs.Storage, m *model, settings ...setting) *replica {
	t.Helper()
	return startWith(t, storage, m, newEngine(t, m, quiet{}), settings...)
}

func startWith(t *testing.T, storage jobs.Storage, m *model, engine *classify.Engine, settings ...setting) *replica {
	t.Helper()
	config := jobs.Config{
		MaxBytes: 256 << 20, Keep: time.Hour, BatchSize: [catalog.NumKinds]int{10, 5},
		AckWait: time.Second, Sync: time.Second,
	}
	for _, set := range settings {
		set(&config)
	}
	core, log := observer.New(zap.InfoLevel)
	s, err := jobs.Start(t.Context(), config, storage, engine, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, e := range log.All() {
			if t.Failed() {
				t.Log(e.Message, e.ContextMap())
			}
		}
	})
	return &replica{s, m, engine, log}
}

// single is one replica on a store of its own, closed with the test.
func single(t *testing.T, settings ...setting) *replica {
	t.Helper()
	b := openBroker(t, t.TempDir())
	r := start(t, b, newModel(32), settings...)
	t.Cleanup(func() {
		r.Close()
		b.Close()
	})
	return r
}

// goods returns n items; f may change them.
func goods(n int, f func(i int, it *catalog.Item)) []*catalog.Item {
	items := make([]*catalog.Item, n)
	for i := range items {
		items[i] = &catalog.Item{ID: fmt.Sprint("id-", i), Name: fmt.Sprint("oak chair ", i)}
		if f != nil {
			f(i, items[i])
		}
	}
	return items
}

func from(items []*catalog.Item) classify.Source {
	return func(context.Context) (*catalog.Item, error) {
		if len(items) == 0 {
			return nil, io.EOF
		}
		it := items[0]
		items = items[1:]
		return it, nil
	}
}

var (
	allOwners = catalog.Owner{All: true}
	textual   = catalog.JobSpec{Owner: allOwners, Options: catalog.Options{Mode: catalog.ModeText}}
)

func (r *replica) create(t *testing.T, spec catalog.JobSpec, items []*catalog.Item) catalog.Job {
	t.Helper()
	job, err := r.Create(t.Context(), spec, from(items))
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// seen is what a watcher saw.
type seen struct {
	batches  []catalog.Batch
	outcomes map[int64]catalog.Outcome
	order    []int64
	summary  *catalog.Summary
	token    string
}

// errEnough ends a watch early.
var errEnough = errors.New("enough")

// watch watches a job from what was seen before, until its end or until it has
// seen some batches more.
func (r *replica) watch(t *testing.T, id string, before *seen, batches int) *seen {
	t.Helper()
	s := &seen{outcomes: map[int64]catalog.Outcome{}}
	if before != nil {
		s = before
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := r.Watch(ctx, allOwners, id, s.token, func(e catalog.JobEvent) error {
		s.token = e.Token
		if e.Summary != nil {
			s.summary = e.Summary
			return nil
		}
		s.batches = append(s.batches, *e.Batch)
		for _, o := range e.Batch.Outcomes {
			if _, twice := s.outcomes[o.Index]; twice {
				t.Errorf("item %d has two results", o.Index)
			}
			s.outcomes[o.Index] = o
			s.order = append(s.order, o.Index)
		}
		if batches--; batches == 0 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return s
}

// complete fails unless every item has its own result.
func (s *seen) complete(t *testing.T, items []*catalog.Item) {
	t.Helper()
	if len(s.outcomes) != len(items) {
		t.Errorf("%d of %d results", len(s.outcomes), len(items))
	}
	for i, it := range items {
		o, ok := s.outcomes[int64(i)]
		if !ok || o.ID != it.ID || (o.Err == nil && o.Classification.Reasoning != it.Name) {
			t.Fatalf("item %d: %+v", i, o)
		}
	}
	if s.summary == nil || s.summary.Total != int64(len(items)) {
		t.Fatalf("summary %+v", s.summary)
	}
}
