package app_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestStart_WhileNATSIsAway has a service classify without its store, and take jobs and
// keep answers when the store comes.
func TestStart_WhileNATSIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	sim, url := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 5 * time.Millisecond}})
	log := &buffer{}
	began := time.Now()
	client, end := replica(t, log, "--openai-base-url="+url, fmt.Sprint("--nats-url=nats://user:secret@127.0.0.1:", port))
	defer end()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the start took %v", took)
	}
	classify(t, client, goods(20, nil), credenza.Options{})
	create := func() (credenza.Job, error) {
		return client.CreateJob(t.Context(), slices.Values(goods(50, nil)), textJob)
	}
	_, err = create()
	_, getErr := client.Job(t.Context(), strings.Repeat("a", 26))
	for _, err := range []error{err, getErr} {
		if call, ok := errors.AsType[*credenza.Error](err); !ok || call.Code != "UNAVAILABLE" {
			t.Errorf("jobs without a store: %v", err)
		}
	}
	natsAt(t, t.TempDir(), port)
	var job credenza.Job
	testkit.Await(t, "jobs are taken", func() bool {
		job, err = create()
		return err == nil
	})
	if sum := allSucceed(t, client, job.ID); sum.Total != 50 {
		t.Errorf("%+v", sum)
	}
	if said := log.String(); strings.Contains(said, "secret") || !strings.Contains(said, "NATS cannot be reached") || !strings.Contains(said, "the store of jobs is open") {
		t.Errorf("the log says:\n%s", said)
	}
	if calls := sim.Calls(); calls > 51 { // 20 texts are in memory; the first call finds out how to ask
		t.Errorf("%d calls for 50 texts", calls)
	}
}

// TestStart_RefusedByNATS has a server that is there and does not know the user.
func TestStart_RefusedByNATS(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, Username: "user", Password: "right", NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	c := settings(t, "--nats-url="+strings.Replace(s.ClientURL(), "://", "://user:wrong@", 1))
	a, err := app.Start(t.Context(), c, app.Options{LogTo: &buffer{}})
	if err == nil {
		_ = a.Close(t.Context())
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), "nats-url") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v", err)
	}
}

// TestClose_WhileNATSIsAway has a service that ends before its store has come.
func TestClose_WhileNATSIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, url := testkit.ServeSimTCP(t, llmsim.Config{})
	client, end := replica(t, &buffer{}, "--openai-base-url="+url, "--nats-url=nats://"+l.Addr().String())
	classify(t, client, goods(20, nil), credenza.Options{})
	began := time.Now()
	end()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
}
