package credenza_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// jobServer is the real edge on the loopback device, with an engine of jobs that
// outlives it.
type jobServer struct {
	*rpc.Server
	address string
	served  chan error
}

// noEngine and noOperations are parts that no test here calls.
type (
	noEngine     struct{ rpc.Engine }
	noOperations struct{ rpc.Operations }
)

func serveJobs(t *testing.T, jobs rpc.Jobs, address string) *jobServer {
	t.Helper()
	server, err := rpc.NewServer(rpc.Config{}, rpc.Parts{
		Engine: noEngine{}, Authority: auth.New(nil), Jobs: jobs, Operations: noOperations{}, Taxonomy: &taxonomy.Taxonomy{},
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &jobServer{server, listener.Addr().String(), make(chan error, 1)}
	go func() { s.served <- server.Serve(listener) }()
	server.SetReady(true)
	t.Cleanup(func() { s.stop(t) })
	return s
}

// stop ends the server and waits until its port is free. It may be called twice.
func (s *jobServer) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.Shutdown(ctx)
	if err := <-s.served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	s.served <- nil
}

func (s *jobServer) client(t *testing.T) *credenza.Client {
	t.Helper()
	c, err := credenza.Dial(s.address, credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
