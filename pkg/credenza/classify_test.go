package credenza_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// echoes is a server that counts its calls of both kinds and answers each item.
type echoes struct {
	streams, feeds atomic.Int64
	chunks         []int
}

func (e *echoes) server() *fakeServer {
	return &fakeServer{
		stream: func(req *credenzav1.ClassifyStreamRequest, s streamServer) error {
			e.streams.Add(1)
			var names []string
			for _, item := range req.GetItems() {
				names = append(names, item.GetProductName())
			}
			return errors.Join(s.Send(streamBatch(batchOf(0, names...))), s.Send(streamSummary(int64(len(names)))))
		},
		feed: func(s feedServer) error {
			e.feeds.Add(1)
			return echoFeed(&e.chunks)(s)
		},
	}
}

// namesOf iterates to the end and returns the names that came and the error.
func namesOf(results iter.Seq2[credenza.Result, error]) ([]string, error) {
	var names []string
	for r, err := range results {
		if err != nil {
			return names, err
		}
		names = append(names, r.ProductName)
	}
	return names, nil
}

// withDescriptions are items of about that many bytes.
func withDescriptions(n, bytes int) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for i := range n {
			if !yield(credenza.Item{ProductName: fmt.Sprint(i), Description: strings.Repeat("x", bytes)}) {
				return
			}
		}
	}
}

func TestClassifyItems_ChoosesTheCall(t *testing.T) {
	for name, tc := range map[string]struct {
		items          iter.Seq[credenza.Item]
		count          int
		streams, feeds int64
	}{
		"one item":                  {named(numbers(1)...), 1, 1, 0},
		"a short list":              {named(numbers(1000)...), 1000, 1, 0},
		"a long one":                {named(numbers(1001)...), 1001, 0, 1},
		"a short one of many bytes": {withDescriptions(40, 30_000), 40, 0, 1},
		"one large item":            {withDescriptions(1, 3<<20), 1, 1, 0},
		"none":                      {named(), 0, 0, 1},
		"a slow one": {func(yield func(credenza.Item) bool) {
			_ = yield(credenza.Item{ProductName: "0"})
			time.Sleep(time.Second)
			_ = yield(credenza.Item{ProductName: "1"})
		}, 2, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e echoes
				c := dial(t, e.server())
				var summary credenza.Summary
				got, err := namesOf(c.ClassifyItems(t.Context(), tc.items, credenza.OnSummary(func(s credenza.Summary) { summary = s })))
				if diff := cmp.Diff(numbers(tc.count), got); err != nil || diff != "" && tc.count > 0 {
					t.Errorf("%v %s", err, diff)
				}
				if e.streams.Load() != tc.streams || e.feeds.Load() != tc.feeds || summary.Total != int64(tc.count) {
					t.Errorf("%d streams and %d feeds with %+v", e.streams.Load(), e.feeds.Load(), summary)
				}
			})
		})
	}
}

func TestClassifyItems_KeepsNoItemWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e echoes
		c := dial(t, e.server())
		answered := make(chan struct{}, 1)
		items := func(yield func(credenza.Item) bool) {
			for _, name := range numbers(20) {
				if !yield(credenza.Item{ProductName: name}) {
					return
				}
				<-answered // the next item is not made before this one's answer is here
			}
		}
		for r, err := range c.ClassifyItems(t.Context(), items) {
			if err != nil {
				t.Fatal(r, err)
			}
			answered <- struct{}{}
		}
	})
}

func TestClassifyItems_TakesOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mode credenzav1.Mode
		var options *credenzav1.ClassifyOptions
		c := dial(t, &fakeServer{stream: func(req *credenzav1.ClassifyStreamRequest, s streamServer) error {
			mode, options = req.GetMode(), req.GetOptions()
			notice := &credenzav1.ClassifyStreamResponse_Notice{Notice: &credenzav1.Notice{Message: "away"}}
			return errors.Join(s.Send(&credenzav1.ClassifyStreamResponse{Event: notice}), s.Send(streamSummary(1)))
		}})
		notices := 0
		_, err := namesOf(c.ClassifyItems(t.Context(), named("a"), credenza.Options{Mode: credenza.Text, BatchSize: 7},
			credenza.OnNotice(func(n credenza.Notice) {
				if n.Message == "away" {
					notices++
				}
			})))
		if err != nil || notices != 1 || mode != credenzav1.Mode_MODE_TEXT || options.GetBatchSize() != 7 {
			t.Errorf("%v, %d notices, %v, %v", err, notices, mode, options)
		}
	})
}

func TestClassifyItems_EachIterationIsACall(t *testing.T) {
	var e echoes
	c := dial(t, e.server())
	results := c.ClassifyItems(context.Background(), named("a", "b"))
	for range 2 {
		if names, err := namesOf(results); err != nil || len(names) != 2 {
			t.Errorf("got %v, %v", names, err)
		}
	}
}

func TestClassifyItems_LeftEarlyEndsTheSequenceAndTheCall(t *testing.T) {
	var e echoes
	c := dial(t, e.server())
	for name, most := range map[string]int{"a stream": 3, "a feed": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			running := make(chan struct{})
			items := func(yield func(credenza.Item) bool) {
				defer close(running)
				for range most {
					if !yield(credenza.Item{}) {
						return
					}
				}
			}
			for _, err := range c.ClassifyItems(context.Background(), items, credenza.OnSummary(func(credenza.Summary) { t.Error("a summary of a part") })) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			select {
			case <-running:
			default:
				t.Error("the sequence runs on after the loop")
			}
		})
	}
}

func TestClassifyItems_ReturnsTheErrorOfTheCall(t *testing.T) {
	refuse := status.Error(codes.ResourceExhausted, "full")
	c := dial(t, &fakeServer{
		stream: func(*credenzav1.ClassifyStreamRequest, streamServer) error { return refuse },
		feed:   func(feedServer) error { return refuse },
	})
	for _, n := range []int{1, 100_000} {
		_, err := namesOf(c.ClassifyItems(context.Background(), withDescriptions(n, 10)))
		if e, ok := errors.AsType[*credenza.Error](err); !ok || e.Code != credenza.CodeResourceExhausted {
			t.Errorf("%d items: %v", n, err)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := namesOf(c.ClassifyItems(cancelled, named("a"))); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// rowServer records the rows of both calls.
type rowServer struct {
	columns [][]string
	rows    [][]string
	mapped  []map[string]string
	sizes   []int // of the chunks
}

func (s *rowServer) take(c *credenzav1.RowChunk) (names []string) {
	s.sizes = append(s.sizes, len(c.GetRows()))
	s.columns, s.mapped = append(s.columns, c.GetColumns()), append(s.mapped, c.GetOverrides())
	for _, row := range c.GetRows() {
		s.rows = append(s.rows, row.GetCells())
		names = append(names, row.GetCells()[0])
	}
	return names
}

func (s *rowServer) create(stream credenzav1.JobService_CreateJobServer) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return stream.SendAndClose(&credenzav1.CreateJobResponse{Job: &credenzav1.Job{JobId: "j"}})
		}
		if req.GetSpec() == nil {
			s.take(req.GetRows())
		}
	}
}

func (s *rowServer) server() *fakeServer {
	return &fakeServer{
		stream: func(req *credenzav1.ClassifyStreamRequest, stream streamServer) error {
			return errors.Join(stream.Send(streamBatch(batchOf(0, s.take(req.GetRows())...))), stream.Send(streamSummary(1)))
		},
		feed: func(stream feedServer) error {
			for {
				req, err := stream.Recv()
				if err != nil {
					return stream.Send(feedSummary(int64(len(s.rows))))
				}
				if req.GetSpec() == nil {
					if err := stream.Send(feedBatch(batchOf(0, s.take(req.GetRows())...))); err != nil {
						return err
					}
				}
			}
		},
	}
}

func TestClassifyRows_SendsTheColumnsOnce(t *testing.T) {
	for _, n := range []int{2, 5000} {
		var s rowServer
		c := dial(t, s.server())
		rows := func(yield func([]string) bool) {
			for _, name := range numbers(n) {
				if !yield([]string{name, "b\xe4r"}) {
					return
				}
			}
		}
		names, err := namesOf(c.ClassifyRows(context.Background(), []string{"Titel", "Preis"}, rows, credenza.Overrides{"product_name": "Titel"}))
		if diff := cmp.Diff(numbers(n), names); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		with := slices.DeleteFunc(slices.Clone(s.columns), func(c []string) bool { return c == nil })
		if diff := cmp.Diff([][]string{{"Titel", "Preis"}}, with); diff != "" || s.mapped[0]["product_name"] != "Titel" || s.columns[0] == nil {
			t.Errorf("%d rows: %s%v", n, diff, s.mapped[0])
		}
		if diff := cmp.Diff([]string{"0", "b\uFFFDr"}, s.rows[0]); diff != "" {
			t.Error(diff)
		}
	}
}

var manyItems = flag.Int("many.items", 100_000, "items of TestClassifyItems_MemoryIsFlat")

// TestClassifyItems_MemoryIsFlat keeps none of its items.
func TestClassifyItems_MemoryIsFlat(t *testing.T) {
	n := *manyItems
	c := dial(t, &fakeServer{feed: func(s feedServer) error {
		var total int64
		for {
			req, err := s.Recv()
			if err != nil {
				return s.Send(feedSummary(total))
			}
			if items := req.GetItems().GetItems(); len(items) > 0 {
				total += int64(len(items))
				if err := s.Send(feedBatch(batchOf(total, make([]string, len(items))...))); err != nil {
					return err
				}
			}
		}
	}})
	var most, before uint64
	results := 0
	for _, err := range c.ClassifyItems(context.Background(), withDescriptions(n, 200)) {
		if err != nil {
			t.Fatal(err)
		}
		if results++; results%(n/20) == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			if before == 0 {
				before = m.HeapAlloc
			}
			most = max(most, m.HeapAlloc)
		}
	}
	if results != n || most > before+16<<20 {
		t.Errorf("%d results; the heap grew from %d to %d KiB", results, before>>10, most>>10)
	}
	t.Logf("%d results, heap %d to %d KiB", results, before>>10, most>>10)
}

func BenchmarkClassifyItems(b *testing.B) {
	var e echoes
	c := dial(b, e.server())
	items := func(yield func(credenza.Item) bool) {
		for b.Loop() {
			if !yield(credenza.Item{ProductName: "Three-seat sofa", Description: "A sofa for three."}) {
				return
			}
		}
	}
	b.ReportAllocs()
	for _, err := range c.ClassifyItems(context.Background(), items) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

func TestRows_TheFirstOnesGoTogether(t *testing.T) {
	slow := func(yield func([]string) bool) {
		for _, name := range numbers(1200) {
			time.Sleep(2 * time.Millisecond)
			if !yield([]string{name}) {
				return
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var s rowServer
		c := dial(t, s.server())
		if _, err := namesOf(c.ClassifyRows(t.Context(), []string{"Titel"}, slow)); err != nil || s.sizes[0] < 400 {
			t.Errorf("%v, chunks of %v", err, s.sizes)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var s rowServer
		c := dial(t, &fakeServer{jobs: fakeJobs{create: s.create}})
		if _, err := c.CreateJobFromRows(t.Context(), []string{"Titel"}, slow, credenza.JobSpec{}); err != nil || s.sizes[0] < 1000 {
			t.Errorf("%v, chunks of %v", err, s.sizes)
		}
	})
}
