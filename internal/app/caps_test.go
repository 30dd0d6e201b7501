package app_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// overCap returns the error of a refusal over the cap, and fails for any other.
func overCap(t *testing.T, err error, cap string) *credenza.Error {
	t.Helper()
	e, ok := errors.AsType[*credenza.Error](err)
	if !ok || e.Code != "RESOURCE_EXHAUSTED" || e.Reason != "CAP_REACHED" || e.Cap != cap || e.RetryAfter <= 0 {
		t.Fatalf("got %#v, want a refusal over the cap %s", err, cap)
	}
	return e
}

// answered iterates over a stream and returns how many items were answered, and its error.
func answered(stream *credenza.Stream) (n int64, err error) {
	for _, err := range stream.Results() {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// threeReplicas starts replicas on one NATS server, and returns a function that returns
// a client of each for a caller.
func threeReplicas(t *testing.T, tokens tokenFile) func(caller string) []*credenza.Client {
	t.Helper()
	flags := []string{"--backend=offline", "--token-file=" + tokens.path, "--nats-url=" + nats(t).ClientURL()}
	var addresses []string
	for range 3 {
		a, err := app.Start(t.Context(), settings(t, flags...), app.Options{LogTo: &buffer{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
		addresses = append(addresses, a.GRPCAddr())
	}
	return func(caller string) (clients []*credenza.Client) {
		for _, address := range addresses {
			client, err := credenza.Dial(address, credenza.WithPlaintext(), credenza.WithTokenOverPlaintext(), credenza.WithToken(caller+"-token"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			clients = append(clients, client)
		}
		return clients
	}
}

// awayFromMidnight waits until no day ends within a minute.
func awayFromMidnight() {
	if left := 24*time.Hour - time.Duration(time.Now().Unix()%86400)*time.Second; left < time.Minute {
		time.Sleep(left)
	}
}

func TestCaps_HoldOverThreeServers(t *testing.T) {
	awayFromMidnight()
	const most = 3000
	tokens := newTokenFile(t, entry("shop", ", caps: {items_per_day: 3000}")+entry("other", "")+
		strings.Replace(entry("operator", ""), "[classify]", "[operate]", 1))
	as := threeReplicas(t, tokens)
	var total atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for i, client := range as("shop") {
		for range i + 1 {
			all.Go(func() {
				// A replica gives back what another one needs, within a second and the time that
				// a busy machine takes for it.
				for tries := 0; tries < 10 || total.Load() < most && time.Since(began) < time.Minute; tries++ {
					n, err := answered(client.ClassifyStream(t.Context(), goods(1000, nil), credenza.Options{}))
					total.Add(n)
					if err != nil {
						time.Sleep(300 * time.Millisecond)
					}
				}
			})
		}
	}
	all.Wait()
	if n := total.Load(); n > most*101/100 || n < most*99/100 {
		t.Errorf("%d items were answered, want %d within 1 %%", n, most)
	}
	for _, client := range as("shop") {
		_, err := client.Classify(t.Context(), chair, credenza.Options{})
		e := overCap(t, err, "items_per_day")
		if next := time.Now().Add(e.RetryAfter).UTC(); next.Sub(next.Truncate(24*time.Hour)) > 5*time.Second && next.Sub(next.Truncate(24*time.Hour)) < 24*time.Hour-5*time.Second {
			t.Errorf("try again in %v, want at the beginning of the day", e.RetryAfter)
		}
	}
	for _, client := range as("other") {
		if _, err := client.Classify(t.Context(), chair, credenza.Options{}); err != nil {
			t.Errorf("a caller without caps: %v", err)
		}
	}
	status, err := as("operator")[2].Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []credenza.Caller{{Name: "shop", Caps: []credenza.Cap{{Name: "items_per_day", Limit: most, Used: most}}}}
	if fmt.Sprint(status.Callers) != fmt.Sprint(want) {
		t.Errorf("the status has %+v, want %+v", status.Callers, want)
	}
}

func TestCaps_OfJobsHoldOverThreeServers(t *testing.T) {
	tokens := newTokenFile(t, entry("few", ", caps: {jobs: 2, items_in_flight: 1, items_per_day: 1}")+entry("small", ", caps: {job_bytes: 100000}"))
	as := threeReplicas(t, tokens)
	var stored, refused atomic.Int64
	var all sync.WaitGroup
	for _, client := range slices.Repeat(as("few"), 3) { // its jobs cannot end today
		all.Go(func() {
			_, err := client.CreateJob(t.Context(), slices.Values(goods(5, nil)), credenza.JobSpec{})
			if err == nil {
				stored.Add(1)
				return
			}
			refused.Add(1)
			overCap(t, err, "jobs")
		})
	}
	all.Wait()
	if stored.Load() != 2 || refused.Load() != 7 {
		t.Errorf("%d jobs were stored and %d refused, want 2 and 7", stored.Load(), refused.Load())
	}
	clients := as("small")
	large := func(n int) []credenza.Item {
		return goods(n, func(_ int, it *credenza.Item) { it.Description = strings.Repeat("oak ", 250) })
	}
	job, err := clients[0].CreateJob(t.Context(), slices.Values(large(80)), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = clients[1].CreateJob(t.Context(), slices.Values(large(20)), credenza.JobSpec{})
	overCap(t, err, "job_bytes")
	if err := clients[2].DeleteJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
}

func TestCaps_ItemsInFlightLeaveTheRestToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokenFile(t, entry("shop", ", caps: {items_in_flight: 20}")+entry("other", ""))
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}, Slots: 64}, "--token-file="+tokens.path, "--max-workers=64")
		shop, other := w.as(t, "shop"), w.as(t, "other")
		var all sync.WaitGroup
		all.Go(func() {
			began := time.Now()
			n, err := answered(shop.ClassifyStream(t.Context(), goods(400, nil), credenza.Options{InOrder: true, Cache: credenza.CacheBypass}))
			if n != 400 || err != nil {
				t.Errorf("%d items were answered, then %v", n, err)
			}
			if took := time.Since(began); took < 20*time.Second || took > 21*time.Second {
				t.Errorf("400 items took %v, want 20 s with 20 in flight", took)
			}
		})
		for range 5 {
			time.Sleep(1500 * time.Millisecond)
			asked := time.Now()
			if _, err := other.Classify(t.Context(), chair, credenza.Options{Cache: credenza.CacheBypass}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(asked); took > 1100*time.Millisecond {
				t.Errorf("an item of the other caller took %v", took)
			}
		}
		_, err := answered(shop.ClassifyStream(t.Context(), goods(1, nil), credenza.Options{}))
		overCap(t, err, "items_in_flight")
		all.Wait()
		if peak := w.metrics(t); !strings.Contains(peak, `credenza_caller_items_total{caller="shop"} 400`) {
			t.Error("the metrics do not count the items of the caller")
		}
	})
}

func TestCaps_AStreamEndsWithWhatWasAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokenFile(t, entry("minute", ", caps: {items_per_minute: 50}")+entry("dear", ", caps: {tokens_per_day: 100000}"))
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}}, "--token-file="+tokens.path)
		n, err := answered(w.as(t, "minute").ClassifyStream(t.Context(), goods(80, nil), credenza.Options{}))
		if e := overCap(t, err, "items_per_minute"); n != 50 || e.RetryAfter > time.Minute {
			t.Errorf("%d items were answered, then %v in %v", n, err, e.RetryAfter)
		}
		n, err = answered(w.as(t, "dear").Feed(t.Context(), slices.Values(goods(2000, nil)), credenza.Options{Cache: credenza.CacheBypass}))
		overCap(t, err, "tokens_per_day")
		said := w.metrics(t)
		_, value, _ := strings.Cut(said, `credenza_caller_tokens_total{caller="dear"} `)
		value, _, _ = strings.Cut(value, "\n")
		if used, err := strconv.ParseFloat(value, 64); err != nil || n == 0 || used > 101_000 || used < 90_000 {
			t.Errorf("%d items took %q tokens", n, value)
		}
		if !strings.Contains(said, `credenza_caller_refused_total{caller="minute",cap="items_per_minute"} 1`) {
			t.Error("the metrics do not count the refusal")
		}
	})
}
