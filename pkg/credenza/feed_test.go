package credenza_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

type feedServer = credenzav1.ClassificationService_ClassifyFeedServer

// echoFeed answers each chunk with a batch and counts chunks and items.
func echoFeed(chunks *[]int) func(feedServer) error {
	return func(s feedServer) error {
		first, err := s.Recv()
		if err != nil || first.GetSpec() == nil {
			return status.Errorf(codes.InvalidArgument, "no spec: %v", err)
		}
		var total int64
		for {
			req, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return s.Send(feedSummary(total))
			}
			if err != nil {
				return err
			}
			var names []string
			for _, item := range req.GetItems().GetItems() {
				names = append(names, item.GetProductName())
			}
			*chunks = append(*chunks, len(names))
			if err := s.Send(feedBatch(batchOf(total, names...))); err != nil {
				return err
			}
			total += int64(len(names))
		}
	}
}

func named(names ...string) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for _, name := range names {
			if !yield(credenza.Item{ProductName: name}) {
				return
			}
		}
	}
}

func numbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	return names
}

func TestFeedSendsAllItemsInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 5000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var chunks []int
			c := dial(t, &fakeServer{feed: echoFeed(&chunks)})
			stream := c.Feed(context.Background(), named(numbers(n)...), credenza.Options{})
			names, err := collect(stream)
			if err != nil || len(names) != n || (n > 0 && cmp.Diff(numbers(n), names) != "") {
				t.Errorf("%d of %d came: %v", len(names), n, err)
			}
			if stream.Summary().Total != int64(n) {
				t.Errorf("got %+v", stream.Summary())
			}
			if n > 0 && slices.Max(chunks) > 100 {
				t.Errorf("a chunk of %d items", slices.Max(chunks))
			}
		})
	}
}

func TestFeedFillsChunksWhileTheServerIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var chunks []int
		busy := make(chan struct{})
		c := dial(t, &fakeServer{feed: func(s feedServer) error {
			<-busy
			return echoFeed(&chunks)(s)
		}})
		large := func(yield func(credenza.Item) bool) {
			for name := range named(numbers(3000)...) {
				name.Description = string(make([]byte, 1000))
				if !yield(name) {
					return
				}
			}
		}
		ended := make(chan error, 1)
		go func() {
			_, err := collect(c.Feed(context.Background(), large, credenza.Options{}))
			ended <- err
		}()
		synctest.Wait()
		close(busy)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if n := len(chunks); n < 30 || n > 300 {
			t.Errorf("3,000 items came in %d chunks", n)
		}
	})
}

func TestFeedIsHeldUpByTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int64
		c := dial(t, &fakeServer{feed: func(s feedServer) error {
			<-s.Context().Done() // reads nothing
			return nil
		}})
		endless := func(yield func(credenza.Item) bool) {
			item := credenza.Item{Description: string(make([]byte, 1000))}
			for yield(item) {
				taken.Add(1)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, err := collect(c.Feed(ctx, endless, credenza.Options{}))
			ended <- err
		}()
		synctest.Wait()
		// 64 KiB of window, 64 KiB of write buffer, a message waiting, a chunk in
		// the slot and one item: far from all there is.
		if n := taken.Load(); n < 100 || n > 1000 {
			t.Errorf("%d items of 1 KB were taken for a server that reads nothing", n)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFeedKeepsNoItemWaiting(t *testing.T) {
	var chunks []int
	c := dial(t, &fakeServer{feed: echoFeed(&chunks)})
	next := make(chan string)
	items := func(yield func(credenza.Item) bool) {
		for name := range next {
			if !yield(credenza.Item{ProductName: name}) {
				return
			}
		}
	}
	results, stop := iter.Pull2(c.Feed(context.Background(), items, credenza.Options{}).Results())
	defer stop()
	send := func(name string) { next <- name }
	for _, name := range numbers(20) {
		go send(name)
		// The next item is not made before this one's answer is here.
		if r, err, ok := results(); err != nil || !ok || r.ProductName != name {
			t.Fatalf("got %+v, %v, %v", r, err, ok)
		}
	}
	close(next)
}

func TestLeavingAFeedStopsItsSequence(t *testing.T) {
	var chunks []int
	c := dial(t, &fakeServer{feed: echoFeed(&chunks)})
	running := make(chan struct{})
	items := func(yield func(credenza.Item) bool) {
		defer close(running)
		for yield(credenza.Item{}) {
		}
	}
	for _, err := range c.Feed(context.Background(), items, credenza.Options{}).Results() {
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
}

func TestFeedThatTheServerEnds(t *testing.T) {
	c := dial(t, &fakeServer{feed: func(s feedServer) error {
		for range 3 {
			if _, err := s.Recv(); err != nil {
				return err
			}
		}
		return status.Error(codes.Unavailable, "going down")
	}})
	endless := func(yield func(credenza.Item) bool) {
		for yield(credenza.Item{}) {
		}
	}
	_, err := collect(c.Feed(context.Background(), endless, credenza.Options{}))
	if e, ok := errors.AsType[*credenza.Error](err); !ok || e.Code != "UNAVAILABLE" || e.Message != "going down" {
		t.Errorf("got %v", err)
	}
}

func TestFeedRefusesTooLargeAnItem(t *testing.T) {
	var chunks []int
	c := dial(t, &fakeServer{feed: echoFeed(&chunks)}, credenza.WithMaxMessageBytes(10_000))
	items := func(yield func(credenza.Item) bool) {
		_ = yield(credenza.Item{}) && yield(credenza.Item{ImageData: make([]byte, 20_000)}) && yield(credenza.Item{})
	}
	_, err := collect(c.Feed(context.Background(), items, credenza.Options{}))
	if e, ok := errors.AsType[*credenza.Error](err); !ok || e.Code != "INVALID_ARGUMENT" || e.Reason != "INVALID_REQUEST" {
		t.Errorf("got %v", err)
	}
}

func BenchmarkFeed(b *testing.B) {
	var chunks []int
	c := dial(b, &fakeServer{feed: echoFeed(&chunks)})
	items := func(yield func(credenza.Item) bool) {
		for b.Loop() {
			if !yield(credenza.Item{ProductName: "Three-seat sofa", Description: "A sofa for three."}) {
				return
			}
		}
	}
	b.ReportAllocs()
	for _, err := range c.Feed(context.Background(), items, credenza.Options{}).Batches() {
		if err != nil {
			b.Fatal(err)
		}
	}
}
