package rpc_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func hashOf(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }

func testTokens(t *testing.T) *auth.Tokens {
	t.Helper()
	text := fmt.Sprintf(`
- {name: shop, sha256: %s, scopes: [classify]}
- {name: operator, sha256: %s, scopes: [operate]}
- {name: both, sha256: %s, scopes: [classify, operate]}
`, hashOf("shop-token"), hashOf("operator-token"), hashOf("both-token"))
	tokens, err := auth.ParseTokens("tokens.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// methods are one call of each kind of service.
var methods = map[string]func(context.Context, *grpc.ClientConn) error{
	"classify": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := credenzav1.NewClassificationServiceClient(conn).Classify(ctx, &credenzav1.ClassifyRequest{Item: &credenzav1.Item{}})
		return err
	},
	"stream": func(ctx context.Context, conn *grpc.ClientConn) error {
		return streamError(ctx, credenzav1.NewClassificationServiceClient(conn), &credenzav1.ClassifyStreamRequest{Items: items("a")})
	},
	"jobs": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := credenzav1.NewJobServiceClient(conn).ListJobs(ctx, &credenzav1.ListJobsRequest{})
		return err
	},
	"watch": func(ctx context.Context, conn *grpc.ClientConn) error {
		stream, err := credenzav1.NewJobServiceClient(conn).WatchJob(ctx, &credenzav1.WatchJobRequest{JobId: "none"})
		if err == nil {
			err = drain(stream.Recv)
		}
		if status.Code(err) == codes.NotFound { // it was let in
			return nil
		}
		return err
	},
	"operate": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := credenzav1.NewOperationsServiceClient(conn).GetStatus(ctx, &credenzav1.GetStatusRequest{})
		return err
	},
	"reflect": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := listServices(ctx, conn)
		return err
	},
	"health": func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
		return err
	},
}

func listServices(ctx context.Context, conn *grpc.ClientConn) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	// A refused stream may be over before this is sent; receiving says why.
	_ = stream.Send(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	})
	res, err := stream.Recv()
	var names []string
	for _, s := range res.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names, err
}

func TestAuthorization_OfEachService(t *testing.T) {
	const (
		ok        = codes.OK
		forbidden = codes.PermissionDenied
		unknown   = codes.Unauthenticated
	)
	type want map[string]codes.Code
	strangers := want{"classify": unknown, "stream": unknown, "jobs": unknown, "watch": unknown, "operate": unknown, "reflect": unknown, "health": ok}
	for _, tc := range []struct {
		name   string
		header []string
		want   want
	}{
		{"no token", nil, strangers},
		{"unknown token", []string{"Bearer other"}, strangers},
		{"no scheme", []string{"shop-token"}, strangers},
		{"another scheme", []string{"Basic shop-token"}, strangers},
		{"empty token", []string{"Bearer "}, strangers},
		{"two tokens", []string{"Bearer shop-token", "Bearer operator-token"}, strangers},
		{"the hash as token", []string{"Bearer " + hashOf("shop-token")}, strangers},
		{"a caller", []string{"Bearer shop-token"}, want{"classify": ok, "stream": ok, "jobs": ok, "watch": ok, "operate": forbidden, "reflect": ok, "health": ok}},
		{"an operator", []string{"bearer operator-token"}, want{"classify": forbidden, "stream": forbidden, "jobs": forbidden, "watch": forbidden, "operate": ok, "reflect": ok, "health": ok}},
		{"both", []string{"Bearer both-token"}, want{"classify": ok, "stream": ok, "jobs": ok, "watch": ok, "operate": ok, "reflect": ok, "health": ok}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{tokens: testTokens(t)})
			conn := s.raw(t)
			ctx := context.Background()
			for _, value := range tc.header {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
			}
			for method, code := range tc.want {
				if err := methods[method](ctx, conn); status.Code(err) != code {
					t.Errorf("%s: got %v, want %v", method, err, code)
				}
			}
		})
	}
}

// listenAt gives a listener's connections other addresses than they have.
type listenAt struct {
	net.Listener
	local, peer net.Addr
}

func (l listenAt) Addr() net.Addr { return l.local }

func (l listenAt) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return connBetween{conn, l}, nil
}

type connBetween struct {
	net.Conn
	ends listenAt
}

func (c connBetween) LocalAddr() net.Addr { return c.ends.local }

func (c connBetween) RemoteAddr() net.Addr { return c.ends.peer }

func tcp(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 50051} }

var unixAddr = &net.UnixAddr{Name: "/run/x", Net: "unix"}

func TestOperatingWithoutTokens(t *testing.T) {
	for _, tc := range []struct {
		name        string
		local, peer net.Addr
		want        codes.Code
	}{
		{"loopback", tcp("127.0.0.1"), tcp("127.0.0.1"), codes.OK},
		{"loopback, v6", tcp("::1"), tcp("::1"), codes.OK},
		{"loopback, v4 in v6", tcp("::ffff:127.0.0.1"), tcp("::ffff:127.0.0.1"), codes.OK},
		{"socket in the file system", unixAddr, &net.UnixAddr{Net: "unix"}, codes.OK},
		{"another device, from this machine", tcp("192.0.2.7"), tcp("192.0.2.7"), codes.PermissionDenied},
		{"another device, from loopback", tcp("192.0.2.7"), tcp("127.0.0.1"), codes.PermissionDenied},
		{"another device, from another machine", tcp("192.0.2.7"), tcp("192.0.2.1"), codes.PermissionDenied},
		{"loopback, from another machine", tcp("127.0.0.1"), tcp("192.0.2.1"), codes.PermissionDenied},
		{"an address that is not known", &net.UDPAddr{}, tcp("127.0.0.1"), codes.PermissionDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{listen: func(l net.Listener) net.Listener { return listenAt{l, tc.local, tc.peer} }})
			conn := s.raw(t)
			if err := methods["operate"](context.Background(), conn); status.Code(err) != tc.want {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			for _, open := range []string{"classify", "jobs"} {
				if err := methods[open](context.Background(), conn); err != nil {
					t.Errorf("%s failed: %v", open, err)
				}
			}
		})
	}
}

func TestCallersShareTheTurnOfTheirToken(t *testing.T) {
	var seen []string
	remember := func(_ context.Context, call classify.Call, item *catalog.Item) (catalog.Outcome, error) {
		seen = append(seen, call.Caller.ID)
		return sofa(0, item), nil
	}
	ask := func(c *credenza.Client) {
		t.Helper()
		if _, err := c.Classify(context.Background(), credenza.Item{}, credenza.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("with tokens", func(t *testing.T) {
		s := start(t, setup{tokens: testTokens(t), engine: fakeEngine{classify: remember}})
		seen = nil
		ask(s.client(t, credenza.WithToken("shop-token")))
		ask(s.client(t, credenza.WithToken("shop-token")))
		ask(s.client(t, credenza.WithToken("both-token")))
		equal(t, []string{"shop", "shop", "both"}, seen)
	})
	t.Run("without", func(t *testing.T) {
		s := start(t, setup{engine: fakeEngine{classify: remember}})
		seen = nil
		c := s.client(t)
		ask(c)
		ask(c)
		if len(seen) != 2 || seen[0] == seen[1] || seen[0] == "" {
			t.Errorf("got %q, want two different callers", seen)
		}
	})
}

func TestSecretsStayOutOfLogsAndErrors(t *testing.T) {
	s := start(t, setup{tokens: testTokens(t)})
	c := s.client(t, credenza.WithToken("shop-token"))
	if _, err := c.Classify(context.Background(), credenza.Item{ProductName: "secret-item"}, credenza.Options{}); err != nil {
		t.Fatal(err)
	}
	_, denied := c.Status(context.Background())
	_, unknown := s.client(t, credenza.WithToken("other-token")).Taxonomy(context.Background())
	said := fmt.Sprintln(denied, unknown)
	for _, line := range s.logs.All() {
		said += fmt.Sprintln(line.Message, line.ContextMap())
	}
	said += fmt.Sprintf("%v %+v %#v", testTokens(t), testTokens(t), auth.New(testTokens(t)))
	for _, secret := range []string{"shop-token", "other-token", hashOf("shop-token"), "secret-item"} {
		if strings.Contains(said, secret) {
			t.Errorf("%q was said:\n%s", secret, said)
		}
	}
	if got := s.logs.FilterField(callerField("shop")).Len(); got != 2 {
		t.Errorf("%d lines name the caller, want 2", got)
	}
}
