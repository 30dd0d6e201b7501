package jobs_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/credenza-dev/credenza/internal/broker"
)

// natsServer starts a server on loopback.
func natsServer(t *testing.T, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// relay passes connections on to a server, and can hold what they carry.
type relay struct {
	listener net.Listener
	to       string
	work     sync.WaitGroup

	mu   sync.Mutex
	held chan struct{} // closed: nothing is held
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, held: make(chan struct{})}
	close(r.held)
	r.work.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			r.work.Go(func() { r.pass(from) })
		}
	})
	return r
}

func (r *relay) url() string { return "nats://" + r.listener.Addr().String() }

func (r *relay) pass(from net.Conn) {
	defer func() { _ = from.Close() }()
	to, err := new(net.Dialer).DialContext(context.Background(), "tcp", r.to)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			defer func() { _ = way[0].Close() }()
			defer func() { _ = way[1].Close() }()
			buf := make([]byte, 32<<10)
			for {
				n, err := way[0].Read(buf)
				r.wait()
				if _, werr := way[1].Write(buf[:n]); err != nil || werr != nil {
					return
				}
			}
		})
	}
	both.Wait()
}

func (r *relay) wait() {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	<-held
}

func (r *relay) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = make(chan struct{})
}

func (r *relay) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.held)
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.work.Wait()
}

func connect(t *testing.T, url string) *broker.Broker {
	t.Helper()
	b, err := broker.Open(t.Context(), broker.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
