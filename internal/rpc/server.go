package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/intake"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Flow control of HTTP/2 for what callers send. The windows are fixed, not grown
// with the bandwidth, so that a feed that is not read is held up after 1 MiB
// instead of after 16. For what the server sends, the caller's windows count and
// gRPC's 64 KiB of write buffer for a stream.
const (
	streamWindow     = 1 << 20
	connectionWindow = 8 << 20
	// maxStreams bounds what one connection may have open at once.
	maxStreams = 1000
	// maxHeaderBytes is for the headers of one call; a token is their largest.
	maxHeaderBytes = 16 << 10
)

// Server serves the gRPC services. Its methods are safe for concurrent use.
type Server struct {
	grpc      *grpc.Server
	web       *HTTPHandler
	health    *health.Server
	calls     *drain.Calls
	authority Authority
	arrival   arrival
	secure    *Certificates // nil: no TLS
	ready     atomic.Bool
	readers   sync.WaitGroup // goroutines that receive; see feed.go

	endHandshakes context.CancelFunc

	stop    sync.Once
	stopErr error
}

// NewServer returns a server that is not ready and listens nowhere yet. A bad
// limit, certificate or part is an error of one line.
func NewServer(config Config, parts Parts) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := parts.check(); err != nil {
		return nil, err
	}
	s := &Server{health: health.NewServer(), calls: drain.New(), authority: parts.Authority}
	if config.TLS != (TLSFiles{}) {
		if s.secure, err = config.TLS.load(); err != nil {
			return nil, err
		}
	}
	s.arrival = arrival{budget: config.Intake, limit: int64(config.MaxRequestBytes), identified: s.identified, writeTimeout: config.WriteTimeout, readers: &s.readers}
	u := &unpacker{limit: int64(config.MaxRequestBytes), codec: newCodec(config)}
	var stopping context.Context
	stopping, s.endHandshakes = context.WithCancel(context.Background())
	plainOrSecure := insecure.NewCredentials()
	if s.secure != nil {
		plainOrSecure = credentials.NewTLS(s.secure.Config(tls.RequireAndVerifyClientCert, "h2"))
	}
	options := append(transportOptions(u), grpc.Creds(charged{plainOrSecure, config.Intake, stopping}))
	chain, err := s.newChain(parts)
	if err != nil {
		return nil, err
	}
	options = append(append(options, grpc.InTapHandle(s.arrival.begin)), traced(parts.Traces)...)
	s.grpc = grpc.NewServer(append(options, chain.options()...)...)
	s.register(config, parts, readAfter{s.grpc, chain.inner, &s.arrival})
	if s.web, err = newHTTPHandler(s.grpc, config, u, s.authority); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) register(config Config, parts Parts, services grpc.ServiceRegistrar) {
	credenzav1.RegisterClassificationServiceServer(services, &classification{
		engine: parts.Engine, limits: newLimits(config),
		taxonomy: taxonomyToProto(parts.Taxonomy), readers: &s.readers,
	})
	credenzav1.RegisterOperationsServiceServer(services, &operations{
		operations: parts.Operations, ready: s.Ready,
	})
	if parts.Jobs != nil {
		credenzav1.RegisterJobServiceServer(services, &jobs{jobs: parts.Jobs, limits: newLimits(config), readers: &s.readers})
	}
	if parts.Reviews != nil {
		credenzav1.RegisterReviewServiceServer(services, &reviews{
			jobs: parts.Jobs, limits: newLimits(config), review: parts.Reviews, labels: labelsOf(parts.Taxonomy), files: parts.Files,
			exports: parts.Exports, items: parts.Items, previews: parts.Previews,
		})
	}
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, healthv1.HealthCheckResponse_NOT_SERVING)
	}
	s.health.SetServingStatus("", healthv1.HealthCheckResponse_NOT_SERVING)
	healthv1.RegisterHealthServer(services, s.health)
	reflection.Register(s.grpc)
}

func transportOptions(u *unpacker) []grpc.ServerOption {
	return []grpc.ServerOption{
		// The bound is in the codec and at the connection (arrival.go): gRPC's own refusal
		// has no reason, and passes the log.
		grpc.MaxRecvMsgSize(math.MaxInt32),
		grpc.ForceServerCodecV2(u.codec),
		//nolint:staticcheck // what replaces it is registered for the whole process, and so knows no limit
		grpc.RPCDecompressor(u),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		// Stop returns only when no handler runs any more.
		grpc.WaitForHandlers(true),
		// Finds callers whose connection is gone, so that their work stops.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		// Callers behind impatient proxies may ping every 10 s, quiet or not; half
		// of that leaves room for a timer that goes off early.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
}

// Certificates returns those of TLS, nil without it. An HTTP server may use them too.
func (s *Server) Certificates() *Certificates { return s.secure }

// GRPC returns the server with its interceptors, for calls that come by another way
// than Serve and HTTP, whose listener goes through auth.NameConnections. Shutdown stops
// it.
func (s *Server) GRPC() *grpc.Server { return s.grpc }

// HTTP is the same services for an HTTP server, whose listener goes through
// auth.NameConnections. It is this server's: Shutdown ends its calls as all others, and
// the HTTP server goes on until Shutdown has returned.
func (s *Server) HTTP() *HTTPHandler { return s.web }

// Serve answers calls from a listener until Shutdown, and then returns nil, at once if
// Shutdown came first. It closes the listener. It may serve several listeners at once.
func (s *Server) Serve(listener net.Listener) error {
	served := intake.PatientListener{Listener: auth.NameConnections(listener), Timeout: s.arrival.writeTimeout}
	if err := s.grpc.Serve(served); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC on %s: %w", listener.Addr(), err)
	}
	return nil
}

// SetReady sets what the health service answers for the server and each of its
// services. It refuses no call. After Shutdown has begun it has no effect.
func (s *Server) SetReady(ready bool) {
	status := healthv1.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthv1.HealthCheckResponse_SERVING
	}
	s.ready.Store(ready)
	s.health.SetServingStatus("", status)
	for name := range s.grpc.GetServiceInfo() {
		if !isAuxiliary(name) {
			s.health.SetServingStatus(name, status)
		}
	}
}

// Ready reports whether SetReady has set it and Shutdown has not begun.
func (s *Server) Ready() bool { return s.ready.Load() && !s.calls.Closed() }
