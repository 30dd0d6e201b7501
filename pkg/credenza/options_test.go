package credenza_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestDial_RefusesContradictoryOptions(t *testing.T) {
	plain, token := credenza.WithPlaintext(), credenza.WithToken("t0ken")
	for _, tc := range []struct {
		name, target string
		opts         []credenza.Option
		want         string // empty: taken
	}{
		{"plain text", "example.com:1", []credenza.Option{plain}, ""},
		{"TLS by default", "example.com:1", []credenza.Option{token}, ""},
		{"both", "example.com:1", []credenza.Option{plain, credenza.WithTLS(&tls.Config{})}, "exclude each other"},
		{"no size", "example.com:1", []credenza.Option{plain, credenza.WithMaxMessageBytes(0)}, "above 0"},
		{"empty token", "example.com:1", []credenza.Option{credenza.WithToken("")}, "the token is empty"},
		{"line's end", "example.com:1", []credenza.Option{credenza.WithToken("t0ken\n")}, "the token is empty"},
		{"token without TLS", "example.com:1", []credenza.Option{plain, token}, "sent without TLS"},
		{"readable, wanted", "example.com:1", []credenza.Option{plain, token, credenza.WithTokenOverPlaintext()}, ""},
		{"not quite loopback", "127.0.0.1.example.com:1", []credenza.Option{plain, token}, "sent without TLS"},
		{"not quite localhost", "evil-localhost:1", []credenza.Option{plain, token}, "sent without TLS"},
		{"all devices", "0.0.0.0:1", []credenza.Option{plain, token}, "sent without TLS"},
		{"resolved elsewhere", "dns://192.0.2.1/localhost:1", []credenza.Option{plain, token}, "sent without TLS"},
		{"localhost", "localhost:1", []credenza.Option{plain, token}, ""},
		{"localhost by scheme", "dns:///localhost:1", []credenza.Option{plain, token}, ""},
		{"loopback", "127.0.0.1:1", []credenza.Option{plain, token}, ""},
		{"loopback, v6", "[::1]:1", []credenza.Option{plain, token}, ""},
		{"loopback without port", "[::1]", []credenza.Option{plain, token}, ""},
		{"socket", "unix:///run/x", []credenza.Option{plain, token}, ""},
		{"bad target", "dns:///%zz", []credenza.Option{plain}, "dial"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := credenza.Dial(tc.target, tc.opts...)
			if err == nil {
				_ = c.Close()
			}
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "t0ken") {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestTokenIsSent(t *testing.T) {
	c := dial(t, &fakeServer{one: func(ctx context.Context, _ *credenzav1.ClassifyRequest) (*credenzav1.ClassifyResponse, error) {
		return nil, status.Error(codes.Aborted, fmt.Sprint(metadata.ValueFromIncomingContext(ctx, "authorization")))
	}}, credenza.WithToken("t0ken"), credenza.WithTokenOverPlaintext())
	_, err := c.Classify(context.Background(), credenza.Item{}, credenza.Options{})
	if !strings.Contains(err.Error(), "[Bearer t0ken]") {
		t.Errorf("the server saw %v", err)
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	c, err := credenza.Dial("unix:///nowhere/socket", credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Taxonomy(context.Background()); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestUnknownLogLevel(t *testing.T) {
	c := dial(t, &fakeServer{})
	for _, level := range []string{"loud", "unspecified"} {
		_, err := c.UpdateSettings(context.Background(), credenza.Settings{LogLevel: level})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), level) {
			t.Errorf("got %v", err)
		}
	}
}
