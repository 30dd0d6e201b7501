package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// replica starts a service over the network and returns a client of it, and its end.
func replica(t *testing.T, log *buffer, flags ...string) (*credenza.Client, func()) {
	t.Helper()
	a, err := app.Start(t.Context(), settings(t, flags...), app.Options{LogTo: log})
	if err != nil {
		t.Fatal(err)
	}
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	return client, func() {
		t.Helper()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// classify returns the summary of a call whose items are all answered.
func classify(t *testing.T, client *credenza.Client, items []credenza.Item, o credenza.Options) credenza.Summary {
	t.Helper()
	stream := client.ClassifyStream(t.Context(), items, o)
	for r, err := range stream.Results() {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if want := items[r.Index].ID; r.ItemID != want {
			t.Fatalf("item %d came back as %q, want %q", r.Index, r.ItemID, want)
		}
	}
	return stream.Summary()
}

// repeated is 1,000 items of which 100 differ.
func repeated() []credenza.Item {
	return goods(1000, func(i int, it *credenza.Item) { it.ProductName = fmt.Sprint("oak chair ", i%100) })
}

func TestEqualItemsArePaidOnceAlsoAfterARestart(t *testing.T) {
	sim, url := testkit.ServeSimTCP(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: 20 * time.Millisecond}})
	flags := []string{"--openai-base-url=" + url, "--data-dir=" + t.TempDir()}
	client, end := replica(t, &buffer{}, flags...)
	s := classify(t, client, repeated(), credenza.Options{})
	if s.UpstreamCalls != 100 || s.Cached+s.Deduplicated != 900 || sim.Calls() != 100 {
		t.Errorf("the first time: %+v, %d calls", s, sim.Calls())
	}
	tokens := s.PromptTokens
	if s = classify(t, client, repeated(), credenza.Options{InOrder: true}); s.Cached != 1000 || s.PromptTokens != 0 || tokens == 0 {
		t.Errorf("the second time: %+v", s)
	}
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := status.Cache; c == nil || c.Entries != 100 || c.Bytes == 0 || c.Misses != 100 || c.Hits < 1000 {
		t.Errorf("the cache's status: %+v", c)
	}
	end()
	client, end = replica(t, &buffer{}, flags...)
	defer end()
	if s = classify(t, client, repeated(), credenza.Options{}); s.UpstreamCalls != 0 || sim.Calls() != 100 {
		t.Errorf("after the restart: %+v, %d calls", s, sim.Calls())
	}
}

// nats starts a NATS server on a port of its own.
func nats(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return s
}

func TestReplicasShareAnswers(t *testing.T) {
	sim, url := testkit.ServeSimTCP(t, llmsim.Config{Seed: 1})
	flags := []string{"--openai-base-url=" + url, "--nats-url=" + nats(t).ClientURL()}
	first, end := replica(t, &buffer{}, flags...)
	classify(t, first, repeated(), credenza.Options{})
	end() // which writes what is still to be written
	second, end := replica(t, &buffer{}, flags...)
	defer end()
	if s := classify(t, second, repeated(), credenza.Options{}); s.UpstreamCalls != 0 || sim.Calls() != 100 {
		t.Errorf("the second replica: %+v, %d calls", s, sim.Calls())
	}
}

func TestACacheThatFailsFailsNoItem(t *testing.T) {
	sim, url := testkit.ServeSimTCP(t, llmsim.Config{Seed: 1})
	cluster, log := nats(t), &buffer{}
	client, end := replica(t, log, "--openai-base-url="+url, "--nats-url="+cluster.ClientURL())
	defer end()
	classify(t, client, repeated(), credenza.Options{})
	cluster.Shutdown()
	cluster.WaitForShutdown()
	others := goods(300, func(i int, it *credenza.Item) { it.ProductName = fmt.Sprint("elm bench ", i) })
	if s := classify(t, client, others, credenza.Options{}); s.UpstreamCalls != 300 || sim.Calls() != 400 {
		t.Errorf("%+v, %d calls", s, sim.Calls())
	}
	if n := strings.Count(log.String(), "the shared cache fails"); n < 1 || n > 2 { // once for reading, once for writing
		t.Errorf("the log says %d times that the cache fails:\n%s", n, log)
	}
}

func TestAPictureBehindTwoAddressesIsPaidOnce(t *testing.T) {
	studio, shop := openStudio(t, "--image-allow=127.0.0.0/8"), openShop(t)
	var fetched atomic.Int64
	twin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetched.Add(1)
		shop.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(twin.Close)
	ask := func(url string) credenza.Result {
		r, err := studio.Classify(t.Context(), credenza.Item{ProductName: "sofa", ImageURL: url}, credenza.Options{})
		if err != nil || r.Err != nil || r.ImageErr != nil || r.Classification.Evidence != "PICTURE" {
			t.Fatal(err, r.Err, r.ImageErr, r.Classification)
		}
		return r
	}
	if r := ask(twin.URL + "/large.jpg"); r.Trace.Cached || r.Trace.Attempts != 1 {
		t.Errorf("the first: %+v", r.Trace)
	}
	if r := ask(shop.URL + "/large.jpg"); !r.Trace.Cached {
		t.Errorf("behind the other address: %+v", r.Trace)
	}
	if r := ask(twin.URL + "/large.jpg"); !r.Trace.Cached || fetched.Load() != 1 {
		t.Errorf("once more: %+v, fetched %d times", r.Trace, fetched.Load())
	}
	if sent, _, _ := studio.pictures(t); len(sent) != 1 {
		t.Errorf("%d pictures were sent", len(sent))
	}
}
