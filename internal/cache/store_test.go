package cache_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

func TestBucket_FailingIsPassedOverAndTriedAgain(t *testing.T) {
	for name, mood := range map[string]struct {
		err   error
		hangs bool
	}{
		"broken": {errors.New("disk full"), false},
		"slow":   {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &faultyBucket{}
				m, logs := over(b)
				defer m.Close()
				b.be(mood.err, mood.hangs)
				n := 0
				began := time.Now()
				for i := range 100 {
					do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
				}
				if delay := time.Since(began); delay > 4*time.Second || n != 100 {
					t.Errorf("100 questions took %v longer, %d were asked", delay, n)
				}
				for i := range 100 { // not all written together
					do(t, m, catalog.Lookup{Key: key(1000 + i)}, give(&n))
					time.Sleep(100 * time.Millisecond)
				}
				if s := m.Stats(); s.FailedReads < 3 || s.Skipped < 150 || s.FailedWrites < 3 || s.Written != 0 {
					t.Errorf("%+v", s)
				}
				if n := logs.FilterMessageSnippet("fails and is passed over").Len(); n != 2 {
					t.Errorf("it was logged %d times: %v", n, logs.All())
				}
				b.be(nil, false)
				time.Sleep(6 * time.Second)
				for i := range 3 {
					do(t, m, catalog.Lookup{Key: key(200 + i)}, give(&n))
					time.Sleep(time.Second)
				}
				if s := m.Stats(); s.Written != 3 || logs.FilterMessageSnippet("in use again").Len() != 2 {
					t.Errorf("%+v, %v", s, logs.All())
				}
			})
		})
	}
}

func TestBucket_HangingLeavesTheModelItsTime(t *testing.T) {
	for name, tt := range map[string]struct {
		limit   time.Duration
		skipped bool // after a few
	}{
		"a short time":        {900 * time.Millisecond, true},
		"a very short time":   {200 * time.Millisecond, false}, // which says nothing of the bucket
		"more than it may be": {time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &faultyBucket{}
				m, _ := over(b)
				defer m.Close()
				b.be(nil, true)
				n := 0
				for i := range 10 {
					ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
					began := time.Now()
					_, err := m.Do(ctx, catalog.Lookup{Key: key(i)}, give(&n))
					if waited := time.Since(began); err != nil || waited > min(time.Second, tt.limit/4) {
						t.Errorf("question %d waited for %v: %v", i, waited, err)
					}
					cancel()
				}
				if s := m.Stats(); n != 10 || s.Skipped > 0 != tt.skipped {
					t.Errorf("%d were asked, %+v", n, s)
				}
			})
		})
	}
}

func TestBucket_SlowIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{}
		m, _ := over(b)
		defer m.Close()
		b.slow(900 * time.Millisecond)
		n := 0
		began := time.Now()
		for i := range 100 {
			do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
		}
		if delay := time.Since(began); delay > 4*time.Second {
			t.Errorf("100 questions took %v longer", delay)
		}
	})
}

// The caller that asks first has little time, the second one has much: the bucket must
// not have more for that.
func TestBucket_SharerWithMoreTimeDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{}
		m, _ := over(b)
		defer m.Close()
		b.be(nil, true)
		n := 0
		var both sync.WaitGroup
		both.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, _ = m.Do(ctx, catalog.Lookup{Key: key(1)}, give(&n))
		})
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := m.Do(ctx, catalog.Lookup{Key: key(1)}, give(&n))
		if waited := time.Since(began); err != nil || waited > time.Second || n != 1 {
			t.Errorf("waited for %v, %d asked, %v", waited, n, err)
		}
		both.Wait()
	})
}

func TestBucket_MissingIsOpenedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{hangs: true}
		began := time.Now()
		m, logs := over(b)
		defer m.Close()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the start took %v", took)
		}
		n := 0
		do(t, m, catalog.Lookup{Key: key(1)}, give(&n))
		time.Sleep(time.Minute)
		b.be(nil, false)
		time.Sleep(10 * time.Second)
		do(t, m, catalog.Lookup{Key: key(2)}, give(&n))
		time.Sleep(time.Second)
		if s := m.Stats(); s.Written != 1 || logs.FilterMessageSnippet("cannot be opened").Len() != 1 {
			t.Errorf("%+v, %v", s, logs.All())
		}
		b.be(nats.ErrNoResponders, false) // an operator has removed it
		do(t, m, catalog.Lookup{Key: key(3)}, give(&n))
		b.be(nil, false)
		opened := b.timesOpened()
		time.Sleep(10 * time.Second)
		do(t, m, catalog.Lookup{Key: key(4)}, give(&n))
		time.Sleep(time.Second)
		if s := m.Stats(); s.Written != 2 || b.timesOpened() != opened+1 {
			t.Errorf("%+v, opened %d times more", s, b.timesOpened()-opened)
		}
	})
}

func TestBucket_UnusableIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{unwell: true}
		m, logs := over(b)
		defer m.Close()
		n := 0
		for i := range 100 {
			do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
			time.Sleep(5 * time.Second)
		}
		if lines := logs.All(); len(lines) > 3 { // that it is closed, that reading and that writing fails
			t.Errorf("%d lines, such as %v", len(lines), lines[:4])
		}
		b.recover()
		for i := range 3 {
			time.Sleep(10 * time.Second)
			do(t, m, catalog.Lookup{Key: key(200 + i)}, give(&n))
		}
		if logs.FilterMessageSnippet("is open").Len() != 1 {
			t.Errorf("when it is well again: %v", logs.All())
		}
	})
}

func TestBucket_WriteThatPanicsHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{panics: true}
		m, _ := over(b)
		defer m.Close()
		n := 0
		do(t, m, catalog.Lookup{Key: key(1), Policy: catalog.CacheRefresh}, give(&n)) // which reads nothing
		time.Sleep(time.Second)
		if s := m.Stats(); s.FailedWrites != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestBucket_LastAnswerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{}
		m, _ := over(b)
		for i, name := range []string{"first", "second", "third"} {
			b.slow(time.Duration(3-i) * 100 * time.Millisecond)
			do(t, m, catalog.Lookup{Key: key(1), Policy: catalog.CacheRefresh}, func(context.Context) (catalog.Answer, error) {
				return answer(name), nil
			})
			time.Sleep(50 * time.Millisecond) // until the write is in flight
		}
		m.Close()
		if a, err := codec.DecodeAnswer(b.last); err != nil || a.Classification.Reasoning != "third" {
			t.Errorf("the bucket has %+v, %v", a, err)
		}
	})
}

func TestBucket_DroppedAnswersAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{}
		m, logs := over(b)
		defer m.Close()
		b.slow(time.Second)
		n := 0
		for i := range 10_000 {
			do(t, m, catalog.Lookup{Key: key(i), Policy: catalog.CacheRefresh}, give(&n))
		}
		if s := m.Stats(); s.Dropped < 5000 || logs.FilterMessageSnippet("too slow").Len() != 1 {
			t.Errorf("%+v, %v", s, logs.All())
		}
	})
}

func TestClose_WritesQueuedAnswersWithinItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{}
		m, _ := over(b)
		n := 0
		for i := range 1000 {
			do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
		}
		m.Close()
		if b.puts != 1000 {
			t.Errorf("%d of 1000 answers were written", b.puts)
		}
		b = &faultyBucket{}
		m, _ = over(b)
		b.be(nil, true)
		for i := range 1000 {
			do(t, m, catalog.Lookup{Key: key(i), Policy: catalog.CacheRefresh}, give(&n))
		}
		began := time.Now()
		m.Close()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}

// open opens a real bucket.
func open(t *testing.T, dir string, bytes int64) (*cache.Cache, *broker.Broker) {
	t.Helper()
	b, err := broker.Open(t.Context(), broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return cache.New(cache.Config{Bucket: &cache.Bucket{JetStream: b.JetStream(), Publish: b.Publish, Owned: true, Replicas: b.Replicas, MaxBytes: bytes}}), b
}

func TestBucket_OldestAnswersMakeRoom(t *testing.T) {
	dir := t.TempDir()
	m, b := open(t, dir, 64<<10)
	n := 0
	long := func(context.Context) (catalog.Answer, error) {
		n++
		return answer(strings.Repeat("It is a chair. ", 60)), nil
	}
	for i := range 500 {
		do(t, m, catalog.Lookup{Key: key(i)}, long)
	}
	m.Close()
	if s := m.Stats(); s.Written != 500 || s.FailedWrites != 0 {
		t.Errorf("%+v", s)
	}
	b.Close()
	m, b = open(t, dir, 64<<10)
	defer b.Close()
	defer m.Close()
	for i := range 20 { // the newest first
		do(t, m, catalog.Lookup{Key: key(499 - i)}, long)
	}
	do(t, m, catalog.Lookup{Key: key(0)}, long)
	if hits := m.Stats().StoreHits; hits != 20 || n != 501 {
		t.Errorf("%d of the answers were still there, %d were asked in all", hits, n)
	}
}

func TestBucket_UnreadableAnswersAreAskedAgain(t *testing.T) {
	dir := t.TempDir()
	m, b := open(t, dir, 0)
	bucket, err := b.JetStream().KeyValue(t.Context(), "credenza_answers")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, value := range []string{"", "noise", "\xa0", "\xff\xff\xff", strings.Repeat("\x81", 5000)} {
		if _, err := bucket.Put(t.Context(), cache.Name(key(i)), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	b.Close()
	m, b = open(t, dir, 0)
	defer b.Close()
	defer m.Close()
	for i := range 5 {
		if a := do(t, m, catalog.Lookup{Key: key(i)}, give(&n)); a.Trace.Cached {
			t.Errorf("%d was taken for an answer", i)
		}
	}
	if s := m.Stats(); s.Unreadable != 5 || n != 5 || s.FailedReads != 0 {
		t.Errorf("%+v, %d asked", s, n)
	}
}
