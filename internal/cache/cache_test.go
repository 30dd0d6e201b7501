package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func key(i int) catalog.Fingerprint {
	return catalog.Scope{}.OfText(&catalog.Item{Name: fmt.Sprint(i)})
}

func answer(text string) catalog.Answer {
	return catalog.Answer{
		Classification: catalog.Classification{Category: "CHAIR", Confidence: 0.9, Evidence: catalog.EvidenceText, Reasoning: text},
		Trace:          catalog.Trace{Backend: "openai", Attempts: 2, QueueTime: time.Second, Usage: catalog.Usage{Prompt: 7}},
	}
}

// give is work that answers at once, and counts.
func give(n *int) catalog.Work {
	return func(context.Context) (catalog.Answer, error) {
		*n++
		return answer(fmt.Sprint(*n)), nil
	}
}

func do(t *testing.T, m *cache.Cache, look catalog.Lookup, work catalog.Work) catalog.Answer {
	t.Helper()
	a, err := m.Do(t.Context(), look, work)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCache_KeptAnswerCostsNothingAgain(t *testing.T) {
	m := cache.New(cache.Config{})
	defer m.Close()
	n := 0
	first := do(t, m, catalog.Lookup{Key: key(1)}, give(&n))
	if first.Trace.Cached || first.Trace.Attempts != 2 || first.Trace.Usage.Prompt != 7 {
		t.Errorf("the first: %+v", first.Trace)
	}
	again := do(t, m, catalog.Lookup{Key: key(1)}, give(&n))
	want := catalog.Trace{Backend: "openai", Cached: true}
	if again.Trace != want || again.Classification.Reasoning != "1" || n != 1 {
		t.Errorf("again: %+v after %d", again, n)
	}
}

func TestCache_AnswersExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cache.New(cache.Config{TTL: time.Hour, ProvisionalTTL: time.Minute})
		defer m.Close()
		n := 0
		for _, look := range []catalog.Lookup{{Key: key(1)}, {Key: key(2), Provisional: true}} {
			do(t, m, look, give(&n))
		}
		for i, step := range []struct {
			wait           time.Duration
			kept, keptPage bool
		}{{59 * time.Second, true, true}, {2 * time.Second, true, false}, {time.Hour, false, false}} {
			time.Sleep(step.wait)
			if got := m.Recall(catalog.Lookup{Key: key(1)}) != nil; got != step.kept {
				t.Errorf("step %d: kept by content: %v", i, got)
			}
			if got := m.Recall(catalog.Lookup{Key: key(2), Provisional: true}) != nil; got != step.keptPage {
				t.Errorf("step %d: kept by address: %v", i, got)
			}
		}
	})
}

func TestCache_WithoutProvisionalTTLNothingIsKeptByAddress(t *testing.T) {
	m := cache.New(cache.Config{})
	defer m.Close()
	n := 0
	look := catalog.Lookup{Key: key(1), Provisional: true}
	for range 3 {
		if a := do(t, m, look, give(&n)); a.Trace.Cached || m.Recall(look) != nil {
			t.Errorf("%+v", a.Trace)
		}
	}
	if s := m.Stats(); n != 3 || s.Entries != 0 {
		t.Errorf("%d asked, %+v", n, s)
	}
}

func TestCache_MemoryIsBounded(t *testing.T) {
	const most = 64 << 10
	m := cache.New(cache.Config{MemoryBytes: most})
	defer m.Close()
	n := 0
	for i := range 1000 {
		do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
	}
	if s := m.Stats(); s.Bytes > most || s.Bytes < most/2 || s.Entries > most/512 {
		t.Errorf("%+v", s)
	}
}

func TestCache_ErrorsAndPanicsAreNotKept(t *testing.T) {
	m := cache.New(cache.Config{})
	defer m.Close()
	refused := fault.New(fault.Refused, "no")
	if _, err := m.Do(t.Context(), catalog.Lookup{Key: key(1)}, func(context.Context) (catalog.Answer, error) {
		return answer("half"), refused
	}); !errors.Is(err, refused) {
		t.Error(err)
	}
	if _, err := m.Do(t.Context(), catalog.Lookup{Key: key(1)}, func(context.Context) (catalog.Answer, error) {
		panic("oops")
	}); !fault.Is(err, fault.Internal) {
		t.Error(err)
	}
	n := 0
	if a := do(t, m, catalog.Lookup{Key: key(1)}, give(&n)); a.Trace.Cached || n != 1 {
		t.Errorf("%+v after %d", a.Trace, n)
	}
}

func TestCache_RefreshUsesNoKeptAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cache.New(cache.Config{})
		defer m.Close()
		ends := func(name string) catalog.Work {
			return func(context.Context) (catalog.Answer, error) {
				time.Sleep(time.Second)
				return answer(name), nil
			}
		}
		var all sync.WaitGroup
		expect := func(policy catalog.CachePolicy, name, want string, shared bool) {
			all.Go(func() {
				a := do(t, m, catalog.Lookup{Key: key(1), Policy: policy}, ends(name))
				if a.Classification.Reasoning != want || a.Trace.Deduplicated != shared || (a.Trace.Attempts == 0) != shared {
					t.Errorf("%s got %q, %+v", name, a.Classification.Reasoning, a.Trace)
				}
			})
			synctest.Wait()
		}
		expect(catalog.CacheUse, "use", "use", false)
		expect(catalog.CacheRefresh, "refresh", "refresh", false)
		expect(catalog.CacheRefresh, "refresh 2", "refresh", true)
		expect(catalog.CacheUse, "use 2", "refresh", true)
		all.Wait()
	})
}

// slowly is work that takes a second and answers with its name.
func slowly(name string) catalog.Work {
	return func(context.Context) (catalog.Answer, error) {
		time.Sleep(time.Second)
		return answer(name), nil
	}
}

func TestCache_OlderWorkReplacesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cache.New(cache.Config{})
		defer m.Close()
		var both sync.WaitGroup
		both.Go(func() {
			do(t, m, catalog.Lookup{Key: key(1)}, func(context.Context) (catalog.Answer, error) {
				time.Sleep(time.Minute)
				return answer("old"), nil
			})
		})
		synctest.Wait()
		time.Sleep(time.Second)
		do(t, m, catalog.Lookup{Key: key(1), Policy: catalog.CacheRefresh}, slowly("new"))
		both.Wait()
		if a := m.Recall(catalog.Lookup{Key: key(1)}); a == nil || a.Classification.Reasoning != "new" {
			t.Errorf("kept: %+v", a)
		}
	})
}

func TestCache_AnswerByAddressExpiresWithTheOneByContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cache.New(cache.Config{TTL: 10 * time.Hour, ProvisionalTTL: 5 * time.Hour})
		defer m.Close()
		n := 0
		ask := func() bool {
			return do(t, m, catalog.Lookup{Key: key(1), Provisional: true}, func(ctx context.Context) (catalog.Answer, error) {
				return m.Do(ctx, catalog.Lookup{Key: key(2)}, give(&n))
			}).Trace.Cached
		}
		for i, step := range []struct {
			wait   time.Duration
			cached bool
		}{
			{0, false},
			{8 * time.Hour, true},     // by its content, and once more by the address
			{time.Hour, true},         // by the address
			{90 * time.Minute, false}, // for that is young, and what it points to is not
		} {
			time.Sleep(step.wait)
			if got := ask(); got != step.cached {
				t.Errorf("step %d: cached %v", i, got)
			}
		}
	})
}

func TestCache_SharesWorkThatIsAsGood(t *testing.T) {
	const interactive, bulk = catalog.Interactive, catalog.Bulk
	for name, tt := range map[string]struct {
		first, second catalog.Lookup
		shared        bool
	}{
		"equals":                         {catalog.Lookup{Priority: bulk}, catalog.Lookup{Priority: bulk}, true},
		"interactive not with bulk":      {catalog.Lookup{Priority: bulk}, catalog.Lookup{Priority: interactive}, false},
		"bulk with interactive":          {catalog.Lookup{Priority: interactive}, catalog.Lookup{Priority: bulk}, true},
		"bulk with a refresh":            {catalog.Lookup{Priority: interactive, Policy: catalog.CacheRefresh}, catalog.Lookup{Priority: bulk}, true},
		"a job not with a call":          {catalog.Lookup{Priority: interactive}, catalog.Lookup{Priority: bulk, Budget: time.Minute}, false},
		"jobs with equal budgets":        {catalog.Lookup{Priority: bulk, Budget: time.Minute}, catalog.Lookup{Priority: bulk, Budget: time.Minute}, true},
		"not with a smaller budget":      {catalog.Lookup{Priority: bulk, Budget: time.Second}, catalog.Lookup{Priority: bulk, Budget: time.Minute}, false},
		"a call not with a job's budget": {catalog.Lookup{Priority: bulk, Budget: time.Second}, catalog.Lookup{Priority: bulk}, false},
		"a refresh not with a usual one": {catalog.Lookup{}, catalog.Lookup{Policy: catalog.CacheRefresh}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := cache.New(cache.Config{})
				defer m.Close()
				tt.first.Key, tt.second.Key = key(1), key(1)
				var first sync.WaitGroup
				first.Go(func() { do(t, m, tt.first, slowly("first")) })
				synctest.Wait()
				a := do(t, m, tt.second, slowly("second"))
				if a.Trace.Deduplicated != tt.shared || (a.Classification.Reasoning == "first") != tt.shared {
					t.Errorf("got %q, %+v", a.Classification.Reasoning, a.Trace)
				}
				first.Wait()
			})
		})
	}
}

// The first caller has little time, in which the server does not come back.
func TestCache_SharedOutageEndsNoLongerWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cache.New(cache.Config{})
		defer m.Close()
		away := fault.New(fault.UpstreamUnavailable, "the server has been away for longer than the item may take")
		var first sync.WaitGroup
		first.Go(func() {
			_, err := m.Do(t.Context(), catalog.Lookup{Key: key(1)}, func(context.Context) (catalog.Answer, error) {
				time.Sleep(time.Second)
				return catalog.Answer{}, away
			})
			if !errors.Is(err, away) {
				t.Errorf("the first caller got %v", err)
			}
		})
		synctest.Wait()
		if a := do(t, m, catalog.Lookup{Key: key(1)}, slowly("second")); a.Classification.Reasoning != "second" {
			t.Errorf("got %+v", a)
		}
		first.Wait()
	})
}

// What callers do at random must leave nothing behind, and give each an answer or
// its own context's end.
func TestCache_ManyCallersComeAndGo(t *testing.T) {
	m := cache.New(cache.Config{MemoryBytes: 16 << 10})
	defer m.Close()
	work := func(ctx context.Context) (catalog.Answer, error) {
		select {
		case <-time.After(time.Duration(rand.IntN(1000)) * time.Microsecond):
			return answer("done"), nil
		case <-ctx.Done():
			return catalog.Answer{}, ctx.Err()
		}
	}
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				look := catalog.Lookup{Key: key(rand.IntN(40)), Policy: catalog.CachePolicy(rand.IntN(3))}
				a, err := m.Do(ctx, look, func(ctx context.Context) (catalog.Answer, error) {
					return m.Do(ctx, catalog.Lookup{Key: key(100 + rand.IntN(10)), Policy: look.Policy}, work)
				})
				if (err == nil) != (a.Classification.Category == "CHAIR") || err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%+v, %v", a, err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
}
