package credenza

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// DefaultMaxMessageBytes bounds a message in either direction, unless
// WithMaxMessageBytes changes it. Servers have the same default.
const DefaultMaxMessageBytes = 64 << 20

// The HTTP/2 windows for receiving. They do not grow with the bandwidth, so a reader
// that stops delays its server after a few hundred results instead of after megabytes of
// them. 256 KiB are enough for some 4,000 results a second at a delay of 100 ms.
const (
	streamWindow     = 256 << 10
	connectionWindow = 4 << 20
)

// spread has calls go to all addresses of a target in turn, such as those of a headless
// service of Kubernetes.
const spread = `{"loadBalancingConfig":[{"round_robin":{}}]}`

// Option tunes a client.
type Option func(*settings)

type settings struct {
	plaintext      bool
	tls            *tls.Config
	token          string
	hasToken       bool
	plaintextToken bool
	maxMessage     int
	extra          []grpc.DialOption
}

// WithPlaintext connects without TLS.
func WithPlaintext() Option { return func(s *settings) { s.plaintext = true } }

// WithTLS connects with a TLS configuration of the caller's own, such as one with
// a private authority or a client certificate.
func WithTLS(config *tls.Config) Option { return func(s *settings) { s.tls = config } }

// WithToken sends a bearer token with each call. With WithPlaintext, Dial returns an
// error unless the target is a loopback address.
func WithToken(token string) Option {
	return func(s *settings) { s.token, s.hasToken = token, true }
}

// WithTokenOverPlaintext allows the token to be sent without TLS, for networks that
// encrypt by other means.
func WithTokenOverPlaintext() Option { return func(s *settings) { s.plaintextToken = true } }

// WithMaxMessageBytes sets the bound of a message in either direction. Larger requests
// need a server that accepts them.
func WithMaxMessageBytes(n int) Option { return func(s *settings) { s.maxMessage = n } }

// WithDialer makes connections in another way, such as inside the process.
// A target "passthrough:///name" hands the name to it unresolved.
func WithDialer(dial func(ctx context.Context, address string) (net.Conn, error)) Option {
	return WithDialOptions(grpc.WithContextDialer(dial))
}

// WithDialOptions adds options of gRPC, such as interceptors. They win over the
// client's own.
func WithDialOptions(opts ...grpc.DialOption) Option {
	return func(s *settings) { s.extra = append(s.extra, opts...) }
}

// reconnect is gRPC's own pace of connecting again, but for the longest pause: by default a server
// that was away for long would be found again two minutes after its return.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestPause},
	MinConnectTimeout: 20 * time.Second,
}

func (s *settings) dialOptions(target string) ([]grpc.DialOption, error) {
	if err := s.check(target); err != nil {
		return nil, err
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(s.transport()),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(s.maxMessage),
			grpc.MaxCallSendMsgSize(s.maxMessage),
		),
		grpc.WithDefaultServiceConfig(spread),
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connectionWindow),
		grpc.WithConnectParams(reconnect),
		// Detects a server that vanished while a stream is quiet.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// Without a provider of the program's own this makes no spans.
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
	}
	if s.hasToken {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer{token: s.token, plaintext: s.plaintext}))
	}
	return append(opts, s.extra...), nil
}

func (s *settings) check(target string) error {
	switch {
	case s.plaintext && s.tls != nil:
		return errors.New("credenza: WithPlaintext and WithTLS exclude each other: give one of them")
	case s.maxMessage <= 0:
		return errors.New("credenza: WithMaxMessageBytes needs a number above 0")
	case !s.hasToken:
		return nil
	case !validToken(s.token):
		return errors.New("credenza: the token is empty or has a character that no token can have, such as a line's end: give the token alone")
	case s.plaintext && !s.plaintextToken && !isLoopback(target):
		return errors.New("credenza: the token would be sent without TLS: use TLS, or WithTokenOverPlaintext")
	}
	return nil
}

func (s *settings) transport() credentials.TransportCredentials {
	if s.plaintext {
		return insecure.NewCredentials()
	}
	if s.tls != nil {
		return credentials.NewTLS(s.tls)
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
}
