package app_test

import (
	"errors"
	"fmt"
	neturl "net/url"
	"slices"
	"strconv"
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
	port := testkit.FreePort(t)
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
	_, err := create()
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

// TestStart_WhileTheClusterHasNoLeader has a service start when one of three servers of its
// cluster runs, which takes connections and stores nothing, and take jobs when most of them run.
func TestStart_WhileTheClusterHasNoLeader(t *testing.T) {
	start := clusterNode(t)
	alone := start(0)
	_, url := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 5 * time.Millisecond}})
	log := &buffer{}
	began := time.Now()
	client, end := replica(t, log, "--openai-base-url="+url, "--nats-url="+alone.ClientURL())
	defer end()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the start took %v", took)
	}
	classify(t, client, goods(20, nil), credenza.Options{})
	start(1)
	start(2)
	testkit.Await(t, "jobs are taken", func() bool {
		job, err := client.CreateJob(t.Context(), slices.Values(goods(50, nil)), textJob)
		return err == nil && allSucceed(t, client, job.ID).Total == 50
	})
	if said := log.String(); !strings.Contains(said, "check that most of its servers run") {
		t.Errorf("the log says:\n%s", said)
	}
}

// clusterNode returns a function that starts one of the three servers of a cluster.
func clusterNode(t *testing.T) func(i int) *server.Server {
	t.Helper()
	var routes []*neturl.URL
	for range 3 {
		routes = append(routes, &neturl.URL{Scheme: "nats", Host: testkit.FreeAddress(t)})
	}
	return func(i int) *server.Server {
		port, err := strconv.Atoi(routes[i].Port())
		if err != nil {
			t.Fatal(err)
		}
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("node", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
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
			t.Fatal("a server of NATS does not start")
		}
		return s
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
	away := testkit.ReservePort(t)
	_, url := testkit.ServeSimTCP(t, llmsim.Config{})
	client, end := replica(t, &buffer{}, "--openai-base-url="+url, "--nats-url=nats://"+away.Address)
	classify(t, client, goods(20, nil), credenza.Options{})
	began := time.Now()
	end()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
}
