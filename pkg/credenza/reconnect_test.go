package credenza_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// TestClient_FindsAServerSoonThatWasAwayForLong has a server return after half an hour.
func TestClient_FindsAServerSoonThatWasAwayForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(64 << 10)
		server := grpc.NewServer()
		credenzav1.RegisterClassificationServiceServer(server, &fakeServer{
			one: func(context.Context, *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
				return &credenzav1.ClassifyResponse{}, nil
			},
		})
		go func() { _ = server.Serve(listener) }()
		defer server.Stop()
		back := time.Now().Add(30 * time.Minute)
		c, err := credenza.Dial("passthrough:///away", credenza.WithPlaintext(),
			credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				if time.Now().Before(back) {
					return nil, errors.New("connection refused")
				}
				return listener.DialContext(ctx)
			}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		for {
			_, err := c.Classify(t.Context(), credenza.Item{ProductName: "chair"}, credenza.Options{})
			if err == nil {
				break
			}
			time.Sleep(time.Second)
		}
		if late := time.Since(back); late > 10*time.Second {
			t.Errorf("the server was found %v after its return", late)
		}
	})
}
