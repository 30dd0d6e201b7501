package app_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// heard is the notices of a stream.
type heard struct {
	mu   sync.Mutex
	list []credenza.Notice
}

func (h *heard) add(n credenza.Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, n)
}

func (h *heard) kinds() (kinds []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.list {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// wait returns once there are n notices.
func (h *heard) wait(t *testing.T, n int) {
	t.Helper()
	eventually(t, "the notices", func() bool { return len(h.kinds()) >= n })
}

func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !there(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come", what)
		}
	}
}

// classified is what came of a call.
type classified struct {
	heard
	took     time.Duration
	results  int
	failures map[string]int // by reason
	messages map[string]int
}

func classifyAll(t *testing.T, client *credenza.Client, n int, o credenza.Options) *classified {
	t.Helper()
	c := &classified{failures: map[string]int{}, messages: map[string]int{}}
	began := time.Now()
	stream := client.ClassifyStream(t.Context(), goods(n, nil), o)
	stream.OnNotice(c.add)
	for r, err := range stream.Results() {
		if err != nil {
			t.Fatal(err)
		}
		c.results++
		if r.Err != nil {
			c.failures[string(r.Err.Reason)]++
			c.messages[r.Err.Message]++
		}
	}
	c.took = time.Since(began)
	return c
}

// allUnavailable fails unless every item has failed for the outage and says so.
func (c *classified) allUnavailable(t *testing.T, items int, cause string) {
	t.Helper()
	if c.results != items || c.failures["UPSTREAM_UNAVAILABLE"] != items {
		t.Errorf("%d results, failures %v, want %d times UPSTREAM_UNAVAILABLE", c.results, c.failures, items)
	}
	for message := range c.messages {
		if !strings.Contains(message, cause) {
			t.Errorf("a message does not tell %q: %s", cause, message)
		}
	}
}

func TestOutage_EndsACallWithItsItemTime(t *testing.T) {
	for kind, tt := range map[string]struct {
		cause  string
		before int // answers that the server gives before
	}{
		"503":   {"503", 0},
		"reset": {"", 0},
		"hang":  {"", 100},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
				if tt.before > 0 {
					classifyAll(t, w.client, tt.before, credenza.Options{Cache: credenza.CacheBypass})
				}
				if err := w.sim.SetOutage(llmsim.Outage{Kind: kind}); err != nil {
					t.Fatal(err)
				}
				got := classifyAll(t, w.client, 5000, credenza.Options{ItemTimeout: 10 * time.Second, Cache: credenza.CacheBypass})
				t.Logf("5,000 items after %v: %v", got.took, got.failures)
				if got.results != 5000 || got.took > 15*time.Second {
					t.Errorf("%d results after %v", got.results, got.took)
				}
				got.allUnavailable(t, 5000, tt.cause)
				if kinds := got.kinds(); !slices.Equal(kinds, []string{credenza.NoticeUpstreamAway}) {
					t.Errorf("notices %v", kinds)
				}
			})
		})
	}
}

func TestOutage_ItemsFailByTheirOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()}, "--max-workers=10")
		if err := w.sim.SetOutage(llmsim.Outage{Kind: "503"}); err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		for _, limit := range []time.Duration{3 * time.Second, 30 * time.Second} {
			calls.Go(func() {
				// A caller that leaves shared work is told DEADLINE_EXCEEDED.
				got := classifyAll(t, w.client, 500, credenza.Options{ItemTimeout: limit, Cache: credenza.CacheBypass})
				if got.failures["UPSTREAM_UNAVAILABLE"] != 500 || got.took < limit || got.took > limit+5*time.Second {
					t.Errorf("with %v: %v after %v", limit, got.failures, got.took)
				}
			})
		}
		calls.Wait()
	})
}

// TestOutage_EndsWhenTheServerIsBack has a call fail, then another one come long
// after the server is back, when the last thing known of it is the outage.
func TestOutage_EndsWhenTheServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
		if err := w.sim.SetOutage(llmsim.Outage{Kind: "503"}); err != nil {
			t.Fatal(err)
		}
		classifyAll(t, w.client, 500, credenza.Options{ItemTimeout: 5 * time.Second})
		w.sim.EndOutage()
		time.Sleep(time.Hour)
		got := classifyAll(t, w.client, 500, credenza.Options{ItemTimeout: 5 * time.Second})
		if got.results != 500 || len(got.failures) > 0 {
			t.Errorf("%d results, failures %v", got.results, got.messages)
		}
		if kinds := got.kinds(); !slices.Equal(kinds, []string{credenza.NoticeUpstreamAway, credenza.NoticeUpstreamBack}) {
			t.Errorf("notices %v", kinds)
		}
		for text, want := range map[string]int{"server does not answer": 1, "server answers again": 1} {
			if n := strings.Count(w.log.String(), text); n != want {
				t.Errorf("the log has %q %d times", text, n)
			}
		}
	})
}

// TestOutage_LongPastFailsNoCallByOneFailure makes no call for an hour after an
// outage; the first call after that hour then fails by chance.
func TestOutage_LongPastFailsNoCallByOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency(), Outages: []llmsim.Outage{
			{For: time.Minute, Kind: "503"},
			{Start: time.Hour, For: 100 * time.Millisecond, Kind: "503"},
		}})
		began := time.Now()
		classifyAll(t, w.client, 100, credenza.Options{ItemTimeout: 5 * time.Second})
		time.Sleep(time.Until(began.Add(time.Hour)))
		got := classifyAll(t, w.client, 500, credenza.Options{ItemTimeout: 5 * time.Second})
		if got.results != 500 || len(got.failures) > 0 {
			t.Errorf("%d results, failures %v", got.results, got.messages)
		}
	})
}

func TestOutage_ThatIsShortIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency(), Outages: []llmsim.Outage{
			{Start: 2 * time.Second, For: 700 * time.Millisecond, Kind: "503"},
		}})
		got := classifyAll(t, w.client, 2000, credenza.Options{})
		if len(got.failures) > 0 || len(got.kinds()) > 0 || strings.Contains(w.log.String(), "does not answer") {
			t.Errorf("failures %v, notices %v", got.failures, got.kinds())
		}
	})
}

func TestOutage_OverHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency(), Outages: []llmsim.Outage{
			{For: 6 * time.Second, Kind: "503"},
		}})
		client := w.over()
		asked := make(chan string, 1)
		time.AfterFunc(4*time.Second, func() { asked <- get(t, client, "http://memory/readyz") })
		res, err := post(t.Context(), client, compatible, rows(50))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if results, complete := countResults(stream); results != 50 || !complete {
			t.Errorf("%d results, complete: %v", results, complete)
		}
		const away = "the model at llmsim does not answer (503 Service Unavailable: The engine is currently overloaded, please try again later.)"
		for _, want := range []string{"\n: " + away + ", trying on\n\n", "\n: the model at llmsim answers again\n\n"} {
			if strings.Count("\n"+string(stream), want) != 1 {
				t.Errorf("the stream lacks %q:\n%.600s", want, stream)
			}
		}
		if ready := <-asked; !strings.HasPrefix(ready, "ready\n"+away+" since 20") {
			t.Errorf("/readyz says %q", ready)
		}
		if now := get(t, client, "http://memory/readyz"); now != "ready\n" {
			t.Errorf("then /readyz says %q", now)
		}
	})
}

// get returns the body of an answer with status 200.
func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		t.Error(res.Status, err)
	}
	return string(body)
}
