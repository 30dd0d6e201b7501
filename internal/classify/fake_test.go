package classify_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a backend whose items say how they go: the description is how long
// the answer takes, the type how it ends.
type model struct {
	slots chan struct{}

	mu       sync.Mutex
	asked    int
	last     time.Time // asked last
	deadline []time.Duration
}

func newModel(slots int) *model { return &model{slots: make(chan struct{}, slots)} }

func (m *model) Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error) {
	trace := catalog.Trace{Backend: "openai", Model: "m"}
	turn, stop := q.Waiting(ctx)
	defer stop()
	select {
	case m.slots <- struct{}{}:
		defer m.leave(&q)
	case <-turn.Done():
		return catalog.Answer{Trace: trace}, turn.Err()
	}
	if err := turn.Err(); err != nil {
		return catalog.Answer{Trace: trace}, err
	}
	m.note(ctx)
	q.Calls.Enter()
	defer q.Calls.Leave()
	trace.Attempts = 1
	took, _ := time.ParseDuration(q.Item.Description)
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return catalog.Answer{Trace: trace}, ctx.Err()
	}
	switch q.Item.Type {
	case "refuse":
		return catalog.Answer{Trace: trace}, fault.New(fault.Refused, "refused %s", q.Item.ID)
	case "blind":
		if q.Picture != nil {
			return catalog.Answer{Trace: trace}, fault.New(fault.ImageUnsupported, "blind")
		}
	case "down":
		return catalog.Answer{Trace: trace}, fault.New(fault.UpstreamUnavailable, "down")
	case "panic":
		panic("the model's reply")
	}
	v := catalog.Classification{Category: "SOFA:" + q.Item.ID, Confidence: 0.9, Evidence: catalog.EvidenceText}
	if q.Picture != nil {
		v.Evidence = catalog.EvidencePicture
	}
	switch q.Item.Type {
	case "unsure":
		v.Confidence = 0.2
	case "unknown":
		v.Confidence, v.ConfidenceSource = 0.9, catalog.NoConfidence
	}
	return catalog.Answer{Classification: v, Trace: trace}, nil
}

// leave gives the slot back, or to the question's Hold.
func (m *model) leave(q *catalog.Question) {
	if release := func() { <-m.slots }; q.Hold != nil {
		q.Hold(release)
	} else {
		release()
	}
}

func (m *model) note(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	m.last = time.Now()
	if end, ok := ctx.Deadline(); ok {
		m.deadline = append(m.deadline, time.Until(end))
	}
}

func (m *model) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// album has a picture for items whose image data is "picture".
type album struct{}

func (album) Picture(_ context.Context, it *catalog.Item) (*catalog.Picture, error) {
	if string(it.ImageData) == "picture" {
		return &catalog.Picture{Data: it.ImageData, MediaType: "image/png"}, nil
	}
	return nil, fault.New(fault.ImageUnsupported, "no picture")
}

// diary is an observer that keeps the events.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) CallBegan(c *classify.Call) { d.write("call %d", c.Total) }

func (d *diary) BatchBegan(_ *classify.Call, id int64, kind catalog.Kind, items int) {
	d.write("begin %v %d of %d", kind, id, items)
}

func (d *diary) BatchSent(_ *classify.Call, b *catalog.Batch, took time.Duration) {
	d.write("sent %d with %d after %v", b.ID, len(b.Outcomes), took)
}

func (d *diary) ItemDone(_ *classify.Call, o *catalog.Outcome) {
	if o.Err != nil {
		d.write("item %d %v", o.Index, o.Err.Reason)
	}
}

func (d *diary) Panicked(_ *classify.Call, index int64, value any, _ []byte) {
	d.write("panic %d %v", index, value)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n")
}

// bench is an engine with everything about it in reach.
type bench struct {
	*classify.Engine
	model *model
	diary *diary
}

func setUp(t *testing.T, slots int, adjust ...func(*classify.Parts)) bench {
	t.Helper()
	b := bench{model: newModel(slots), diary: &diary{}}
	parts := classify.Parts{
		Backend: b.model, Pictures: album{}, Observer: b.diary,
		PoolSize: func() int { return slots },
	}
	for _, f := range adjust {
		f(&parts)
	}
	engine, err := classify.New(classify.Config{
		BatchSize: [catalog.NumKinds]int{10, 5}, FlushDelay: 100 * time.Millisecond, ReviewBelow: 0.5,
	}, parts)
	if err != nil {
		t.Fatal(err)
	}
	b.Engine = engine
	return b
}

// items returns n items that take d each, changed by f unless that is nil.
func items(n int, d time.Duration, f func(i int, it *catalog.Item)) []*catalog.Item {
	all := make([]*catalog.Item, n)
	for i := range all {
		all[i] = &catalog.Item{ID: fmt.Sprint(i), Name: fmt.Sprint("item ", i), Description: d.String()}
		if f != nil {
			f(i, all[i])
		}
	}
	return all
}

func from(all []*catalog.Item) classify.Source {
	return func(ctx context.Context) (*catalog.Item, error) {
		if len(all) == 0 {
			return nil, io.EOF
		}
		it := all[0]
		all = all[1:]
		return it, ctx.Err()
	}
}

// got collects batches.
type got struct {
	batches []catalog.Batch
	at      []time.Duration
	began   time.Time
}

func collect() *got { return &got{began: time.Now()} }

func (g *got) send(b catalog.Batch) error {
	g.batches = append(g.batches, b)
	g.at = append(g.at, time.Since(g.began))
	return nil
}

func (g *got) outcomes() []catalog.Outcome {
	var all []catalog.Outcome
	for _, b := range g.batches {
		all = append(all, b.Outcomes...)
	}
	return all
}

// slowShop is an album whose pictures take some time each. If it has slots, they bound
// how many are fetched at once.
type slowShop struct {
	takes time.Duration
	slots chan struct{} // nil: any number
}

func (s slowShop) Picture(ctx context.Context, _ *catalog.Item) (*catalog.Picture, error) {
	if s.slots != nil {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return &catalog.Picture{Data: make([]byte, 50<<10), MediaType: "image/jpeg"}, nil
}

// largePictures has pictures of 1 MiB, at once.
type largePictures struct{}

func (largePictures) Picture(context.Context, *catalog.Item) (*catalog.Picture, error) {
	return &catalog.Picture{Data: make([]byte, 1<<20), MediaType: "image/png"}, nil
}
