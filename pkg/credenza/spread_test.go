package credenza_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// TestClient_SpreadsCallsOverAllAddresses has a name with three addresses, at one of which no
// server is.
func TestClient_SpreadsCallsOverAllAddresses(t *testing.T) {
	names := manual.NewBuilderWithScheme("replicas")
	var state resolver.State
	calls := make(chan string, 100)
	for _, name := range []string{"a", "b"} {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: serve(t, &fakeServer{
			one: func(context.Context, *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
				calls <- name
				return &credenzav1.ClassifyResponse{}, nil
			},
		})})
	}
	state.Addresses = append(state.Addresses, resolver.Address{Addr: "127.0.0.1:1"})
	names.InitialState(state)
	c, err := credenza.Dial("replicas:///all", credenza.WithPlaintext(), credenza.WithDialOptions(grpc.WithResolvers(names)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	served := map[string]int{}
	for deadline := time.Now().Add(10 * time.Second); len(served) < 2 && time.Now().Before(deadline); {
		if _, err := c.Classify(t.Context(), credenza.Item{ProductName: "chair"}, credenza.Options{}); err != nil {
			t.Fatal(err)
		}
		served[<-calls]++
	}
	for range 20 { // both are connected
		if _, err := c.Classify(t.Context(), credenza.Item{ProductName: "chair"}, credenza.Options{}); err != nil {
			t.Fatal(err)
		}
		served[<-calls]++
	}
	if served["a"] < 10 || served["b"] < 10 {
		t.Errorf("calls by server: %v", served)
	}
}

// serve starts a server on loopback and returns its address.
func serve(t *testing.T, s *fakeServer) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	credenzav1.RegisterClassificationServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}
