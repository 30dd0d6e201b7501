package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// absent is a model's server that is not there, and may be started.
type absent struct {
	*testkit.Port
	sim *llmsim.Server
}

func newAbsent(t *testing.T) *absent {
	t.Helper()
	sim := testkit.NewSim(t, llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Millisecond}})
	return &absent{testkit.ReservePort(t), sim}
}

// start has the server listen, until the test ends.
func (a *absent) start(t *testing.T) {
	t.Helper()
	listener := a.Listen(t)
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
	flags := []string{"--openai-base-url=http://" + model.Address + "/v1/hidden?sig=hidden", "--log-level=info"}
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
	want := "the model at " + model.Address + " does not answer (connection refused), trying on"
	if kinds := got.kinds(); !slices.Equal(kinds, []string{credenza.NoticeUpstreamAway}) || got.list[0].Message != want {
		t.Errorf("notices %+v, want %q", got.list, want)
	}
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := status.Groups[0].Outage
	if o == nil || o.Host != model.Address || o.Cause != "connection refused" || time.Since(o.Since) > 10*time.Second || !o.LastAttempt.After(o.Since) {
		t.Errorf("status %+v", o)
	}
	model.start(t)
	time.Sleep(100 * time.Millisecond)
	got = classifyAll(t, client, 50, credenza.Options{ItemTimeout: 20 * time.Second})
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
		Options: credenza.Options{ItemTimeout: 3 * time.Second},
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
	if want := "the model at " + model.Address + " does not answer (connection refused)"; message() != want {
		t.Errorf("the message is %q, want %q", message(), want)
	}
	time.Sleep(4 * time.Second) // longer than an item may take
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
