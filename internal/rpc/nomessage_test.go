package rpc_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/rpc"
)

const noMessageWords = "the call has no message: send one, which may be empty, before its end"

// TestNoMessage_EndsAfterTheHeaders has a caller that ends its side after the headers.
func TestNoMessage_EndsAfterTheHeaders(t *testing.T) {
	for method := range oneMessage {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				budget := intake.New(0)
				s := start(t, setup{config: rpc.Config{Intake: budget}})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				stream, err := s.raw(t).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // the call waits for a message
				if err := stream.CloseSend(); err != nil {
					t.Fatal(err)
				}
				err = drain(func() (*emptypb.Empty, error) { m := &emptypb.Empty{}; return m, stream.RecvMsg(m) })
				if got := status.Convert(err); got.Code() != codes.InvalidArgument || got.Message() != noMessageWords {
					t.Errorf("it ended with %v", err)
				}
				synctest.Wait()
				if held := budget.Held(); held != 0 {
					t.Errorf("%d bytes are held after it", held)
				}
			})
		})
	}
}

// TestNoMessage_EndsWithTheHeaders has a caller whose headers end its side.
func TestNoMessage_EndsWithTheHeaders(t *testing.T) {
	for method := range oneMessage {
		t.Run(method, func(t *testing.T) {
			s := start(t, setup{config: rpc.Config{Intake: intake.New(0)}})
			transport := &http.Transport{
				Protocols:   new(http.Protocols),
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.listener.DialContext(ctx) },
			}
			transport.Protocols.SetUnencryptedHTTP2(true)
			defer transport.CloseIdleConnections()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://service"+method, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
			response, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			_, _ = io.Copy(io.Discard, response.Body)
			code, text := response.Trailer.Get("Grpc-Status"), response.Trailer.Get("Grpc-Message")
			if code == "" { // no answer came before it
				code, text = response.Header.Get("Grpc-Status"), response.Header.Get("Grpc-Message")
			}
			if code != "3" || !strings.HasPrefix(text, noMessageWords) {
				t.Errorf("it ended with %s, %s", code, text)
			}
		})
	}
}
