package broker_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string) *broker.Broker {
	t.Helper()
	b, err := broker.Open(t.Context(), broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBroker_StoredDataOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	bucket, err := b.JetStream().CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "things", Replicas: b.Replicas()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), "sofa", []byte("red")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b = open(t, dir)
	defer b.Close()
	if bucket, err = b.JetStream().KeyValue(t.Context(), "things"); err != nil {
		t.Fatal(err)
	}
	entry, err := bucket.Get(t.Context(), "sofa")
	if err != nil || string(entry.Value()) != "red" {
		t.Fatalf("got %v, %v", entry, err)
	}
}

func TestOpen_FolderHasOneProcess(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	defer b.Close()
	_, err := broker.Open(t.Context(), broker.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another process uses the data folder") {
		t.Fatalf("got %v", err)
	}
}

func TestOpen_ErrorsAreOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		config broker.Config
		say    string
	}{
		"no folder":         {broker.Config{}, "data-dir"},
		"unusable folder":   {broker.Config{Dir: "/dev/null/data"}, "data-dir"},
		"no server":         {broker.Config{URL: "nats://user:secret@127.0.0.1:1"}, "nats-url"},
		"too many replicas": {broker.Config{Dir: t.TempDir(), Replicas: 6}, "from 1 to 5"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := broker.Open(t.Context(), c.config)
			if err == nil || !strings.Contains(err.Error(), c.say) || strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Fatalf("the error has a password: %v", err)
			}
		})
	}
}

// TestOpen_OfAClusterThatComesLater has a server that starts after the broker was opened.
func TestOpen_OfAClusterThatComesLater(t *testing.T) {
	port := testkit.FreePort(t)
	b, err := broker.Open(t.Context(), broker.Config{URL: fmt.Sprint("nats://127.0.0.1:", port), MayBeAway: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Connected() || b.Writable() {
		t.Error("it can be written while it is away")
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	testkit.Await(t, "it can be written", func() bool { return b.Connected() && b.Writable() })
}

// TestCheck_WritesNothingNextToAProcess checks a folder whose disk the check could fill.
func TestCheck_WritesNothingNextToAProcess(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	defer b.Close()
	before := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(dir, before, before); err != nil {
		t.Fatal(err)
	}
	found, err := broker.Check(t.Context(), broker.Config{Dir: dir})
	if err != nil || found != dir+", which a process uses now" {
		t.Errorf("got %q, %v", found, err)
	}
	after, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().Equal(before) {
		t.Error("the check made or removed a file")
	}
}
