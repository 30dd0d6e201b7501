package app_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
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
			c.failures[r.Err.Reason]++
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
	for kind, tt := range map[llmsim.OutageKind]struct {
		cause  string
		before int // answers that the server gives before
	}{
		llmsim.OutageUnavailable: {"503", 0},
		llmsim.OutageReset:       {"", 0},
		llmsim.OutageHang:        {"", 100},
	} {
		t.Run(string(kind), func(t *testing.T) {
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
		if err := w.sim.SetOutage(llmsim.Outage{Kind: llmsim.OutageUnavailable}); err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		for _, limit := range []time.Duration{3 * time.Second, 30 * time.Second} {
			calls.Go(func() {
				got := classifyAll(t, w.client, 500, credenza.Options{ItemTimeout: limit})
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
		if err := w.sim.SetOutage(llmsim.Outage{Kind: llmsim.OutageUnavailable}); err != nil {
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

// TestOutage_LongPastFailsNoCallByOneFailure has nobody call for an hour after an
// outage, and the first call then fail by chance.
func TestOutage_LongPastFailsNoCallByOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency(), Outages: []llmsim.Outage{
			{For: time.Minute, Kind: llmsim.OutageUnavailable},
			{Start: time.Hour, For: 100 * time.Millisecond, Kind: llmsim.OutageUnavailable},
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
			{Start: 2 * time.Second, For: 700 * time.Millisecond, Kind: llmsim.OutageUnavailable},
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
			{For: 6 * time.Second, Kind: llmsim.OutageUnavailable},
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
		const away = "the model at llmsim does not answer (503 Service Unavailable)"
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

// absent is the address of a model's server that is not there, and may be started.
type absent struct {
	address string
	sim     *llmsim.Server
}

func newAbsent(t *testing.T) *absent {
	t.Helper()
	sim, err := llmsim.New(llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	listener := listenOn(t, "127.0.0.1:0")
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return &absent{listener.Addr().String(), sim}
}

func listenOn(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// start has the server listen, until the test ends.
func (a *absent) start(t *testing.T) {
	t.Helper()
	listener := listenOn(t, a.address)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.sim.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// serveAbsent starts the service on loopback, with data in a temporary folder.
func serveAbsent(t *testing.T, model *absent) (*app.App, *credenza.Client, *buffer) {
	t.Helper()
	log := &buffer{}
	flags := []string{"--openai-base-url=http://" + model.address + "/v1/hidden?sig=hidden", "--log-level=info"}
	a, err := app.Start(t.Context(), settings(t, flags...), app.Options{LogTo: log, Data: app.DataTemporary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return a, client, log
}

func TestOutage_OfAClosedPort(t *testing.T) {
	model := newAbsent(t)
	_, client, log := serveAbsent(t, model)
	got := classifyAll(t, client, 500, credenza.Options{ItemTimeout: 3 * time.Second})
	if got.took > 8*time.Second {
		t.Errorf("took %v", got.took)
	}
	got.allUnavailable(t, 500, "connection refused")
	want := "the model at " + model.address + " does not answer (connection refused), trying on"
	if kinds := got.kinds(); !slices.Equal(kinds, []string{credenza.NoticeUpstreamAway}) || got.list[0].Message != want {
		t.Errorf("notices %+v, want %q", got.list, want)
	}
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := status.Groups[0].Outage
	if o == nil || o.Host != model.address || o.Cause != "connection refused" || time.Since(o.Since) > 10*time.Second || !o.LastAttempt.After(o.Since) {
		t.Errorf("status %+v", o)
	}
	model.start(t)
	time.Sleep(100 * time.Millisecond)
	got = classifyAll(t, client, 50, credenza.Options{ItemTimeout: 5 * time.Second})
	if len(got.failures) > 0 || !slices.Equal(got.kinds(), []string{credenza.NoticeUpstreamAway, credenza.NoticeUpstreamBack}) {
		t.Errorf("failures %v, notices %v", got.messages, got.kinds())
	}
	for text, want := range map[string]int{"server does not answer": 1, "server answers again": 1, "hidden": 0} {
		if n := strings.Count(log.String(), text); n != want {
			t.Errorf("the log has %q %d times", text, n)
		}
	}
}

func TestOutage_OfAJob(t *testing.T) {
	model := newAbsent(t)
	_, client, _ := serveAbsent(t, model)
	job, err := client.CreateJob(t.Context(), slices.Values(goods(50, nil)), credenza.JobSpec{
		Options: credenza.Options{ItemTimeout: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	message := func() string {
		shown, err := client.Job(t.Context(), job.ID)
		if err != nil {
			t.Error(err)
		}
		return shown.Message
	}
	watch := client.WatchJob(t.Context(), job.ID, "")
	var said heard
	watch.OnNotice(said.add)
	watched := make(chan error, 1)
	go func() {
		for result, err := range watch.Results() {
			if err == nil && result.Err != nil {
				err = result.Err
			}
			if err != nil {
				watched <- err
				return
			}
		}
		watched <- nil
	}()
	said.wait(t, 1)
	if want := "the model at " + model.address + " does not answer (connection refused)"; message() != want {
		t.Errorf("the message is %q, want %q", message(), want)
	}
	model.start(t)
	if err := <-watched; err != nil {
		t.Fatal(err)
	}
	if kinds := said.kinds(); !slices.Equal(kinds, []string{credenza.NoticeUpstreamAway, credenza.NoticeUpstreamBack}) {
		t.Errorf("notices %v", kinds)
	}
	if watch.Summary().Succeeded != 50 || message() != "" {
		t.Errorf("summary %+v, message %q", watch.Summary(), message())
	}
}

func TestOutage_DoesNotHoldUpTheEnd(t *testing.T) {
	model := newAbsent(t)
	a, client, _ := serveAbsent(t, model)
	if _, err := client.CreateJob(t.Context(), slices.Values(goods(50, nil)), credenza.JobSpec{}); err != nil {
		t.Fatal(err)
	}
	var said heard
	called := make(chan int, 1)
	go func() {
		unavailable := 0
		stream := client.ClassifyStream(t.Context(), goods(500, nil), credenza.Options{})
		stream.OnNotice(said.add)
		for r, err := range stream.Results() {
			if err == nil && r.Err != nil && r.Err.Reason == "UPSTREAM_UNAVAILABLE" && strings.Contains(r.Err.Message, "connection refused") {
				unavailable++
			}
		}
		called <- unavailable
	}()
	said.wait(t, 1)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("going down took %v", took)
	}
	if n := <-called; n != 500 {
		t.Errorf("%d of 500 items have said why", n)
	}
}
