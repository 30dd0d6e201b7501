package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// natsCluster starts three servers on loopback that are one cluster.
func natsCluster(t *testing.T) []*server.Server {
	t.Helper()
	var routes []*url.URL
	for range 3 {
		routes = append(routes, &url.URL{Scheme: "nats", Host: testkit.FreeAddress(t)})
	}
	nodes := make([]*server.Server, 3)
	for i := range nodes {
		var port int
		if _, err := fmt.Sscanf(routes[i].Port(), "%d", &port); err != nil {
			t.Fatal(err)
		}
		node, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("node", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
		})
		if err != nil {
			t.Fatal(err)
		}
		node.Start()
		t.Cleanup(func() {
			node.Shutdown()
			node.WaitForShutdown()
		})
		nodes[i] = node
	}
	testkit.Await(t, "the cluster has a leader", func() bool {
		return slices.ContainsFunc(nodes, func(n *server.Server) bool { return n.JetStreamIsLeader() && len(n.JetStreamClusterPeers()) == 3 })
	})
	return nodes
}

// TestReplicasOnAClusterFinishAJob has three replicas share a job on a cluster of
// three NATS servers, kills a replica, and then the server that leads the stream of
// results.
func TestReplicasOnAClusterFinishAJob(t *testing.T) {
	const items = 3000
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 200 * time.Millisecond, Sigma: 0.5}})
	nodes := natsCluster(t)
	var urls []string
	for _, n := range nodes {
		urls = append(urls, n.ClientURL())
	}
	var replicas []*program
	var clients []*credenza.Client
	for range 3 {
		address := testkit.FreeAddress(t)
		replicas = append(replicas, runProgram(t, serverFlags(address, model, "--nats-url="+strings.Join(urls, ","))...))
		awaitPort(t, replicas[len(replicas)-1], address)
		clients = append(clients, dialServer(t, address))
	}
	job, err := clients[0].CreateJob(t.Context(), slices.Values(jobItems(items)), uncached)
	if err != nil {
		t.Fatal(err, replicas[0].log)
	}
	reader := watchJob(t, clients[1], job.ID)
	progress := func(client *credenza.Client) int64 {
		got, err := client.Job(t.Context(), job.ID)
		if err != nil {
			return -1
		}
		return got.Progress.Done
	}
	testkit.Await(t, "a quarter is done", func() bool { return progress(clients[1]) > items/4 })
	for i, client := range clients {
		testkit.Await(t, fmt.Sprint("replica ", i, " has its part"), func() bool {
			status, err := client.Status(t.Context())
			return err == nil && status.Keys[0].Calls > 0
		})
	}
	replicas[0].kill()
	testkit.Await(t, "half is done", func() bool { return progress(clients[1]) > items/2 })
	leader := leaderOf(t, urls, "CREDENZA_RESULTS")
	for _, n := range nodes {
		if n.Name() == leader {
			n.Shutdown()
			n.WaitForShutdown()
		}
	}
	reader.complete(t, items)
	stats := sim.Stats()
	t.Logf("the longest gap between two batches was %v; %d calls for %d items", reader.longest.Round(time.Millisecond), stats.Calls, items)
	if twice := stats.Calls - items; twice > 2*crashWorkers {
		t.Errorf("%d calls were paid for twice", twice)
	}
	watchJob(t, clients[2], job.ID).complete(t, items)
}

func leaderOf(t *testing.T, urls []string, stream string) string {
	t.Helper()
	conn, err := nats.Connect(strings.Join(urls, ","))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Cluster.Leader
}
