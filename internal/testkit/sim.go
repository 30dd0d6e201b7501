package testkit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// Local is a simulator served in memory.
type Local struct {
	// URL is the API's base, "http://llmsim/v1".
	URL string
	// Client reaches it. It has no time-out and no limit on connections.
	Client *http.Client

	transport *http.Transport
	stop      context.CancelFunc
	done      chan struct{}
}

// Serve serves a simulator in memory until Close, in a synctest bubble or out of
// one.
func Serve(sim *llmsim.Server) *Local {
	pipe := NewPipe()
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{DialContext: pipe.DialContext, MaxIdleConns: 0, MaxIdleConnsPerHost: 1 << 16}
	l := &Local{
		URL: "http://llmsim/v1", Client: &http.Client{Transport: transport},
		transport: transport, stop: stop, done: make(chan struct{}),
	}
	go func() {
		defer close(l.done)
		_ = sim.Run(ctx, pipe) // a Pipe fails only when it is closed
	}()
	return l
}

// Close cuts calls in flight and waits until every goroutine of the server has
// ended. Call it once.
func (l *Local) Close() {
	l.stop()
	<-l.done
	l.transport.CloseIdleConnections()
}

// NewSim returns a simulated model; the configuration must be right.
func NewSim(t testing.TB, config llmsim.Config) *llmsim.Server {
	t.Helper()
	sim, err := llmsim.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

// ServeSim serves a simulated model in memory until the test's end.
func ServeSim(t testing.TB, config llmsim.Config) (*llmsim.Server, *Local) {
	t.Helper()
	sim := NewSim(t, config)
	local := Serve(sim)
	t.Cleanup(local.Close)
	return sim, local
}

// ServeSimTCP serves a simulated model on loopback until the test's end, and
// returns the API's base, "http://127.0.0.1:PORT/v1".
func ServeSimTCP(t testing.TB, config llmsim.Config) (sim *llmsim.Server, url string) {
	t.Helper()
	sim = NewSim(t, config)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, server.URL + "/v1"
}
