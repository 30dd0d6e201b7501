// Package admin serves what shows the inside of the process to its operator: profiles (pprof)
// over HTTP, and channelz, the other admin services of gRPC and reflection over gRPC, on one
// address of their own.
//
// None of it needs a token, so the address is one that only this machine can reach: a socket
// in the file system, which has the service's own user as its only one, or the loopback
// device, which all users of the machine share. Web pages are kept out: a page of another
// origin, or one whose name was made to resolve to 127.0.0.1, is a local caller too.
//
//	GET /debug/pprof/                        the list of profiles
//	GET /debug/pprof/profile?seconds=10      the processor's
//	grpc.channelz.v1.Channelz/GetServers     the gRPC servers, their connections and streams
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	grpcadmin "google.golang.org/grpc/admin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/fault"
)

// headerTime is how long a request's header may take. Profiles may take as long as they are
// asked to.
const headerTime = 10 * time.Second

// Server serves one address. It is safe for concurrent use.
type Server struct {
	http    *http.Server
	grpc    *grpc.Server
	cleanup func() // of gRPC's services
}

// New returns a server that does not serve yet. Its problems with connections go to log.
func New(log *zap.Logger) (*Server, error) {
	onPanic := recovery.WithRecoveryHandler(func(value any) error {
		f := fault.Panicked(value)
		log.Error("a call of the admin address panicked", zap.Error(f))
		return status.Error(codes.Internal, f.Message)
	})
	s := &Server{grpc: grpc.NewServer(
		grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor(onPanic)), grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor(onPanic)))}
	var err error
	if s.cleanup, err = grpcadmin.Register(s.grpc); err != nil {
		return nil, fmt.Errorf("register gRPC's admin services: %w", err)
	}
	reflection.Register(s.grpc)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler: localPagesOnly(s.route(profiles())), Protocols: &protocols, ReadHeaderTimeout: headerTime, ErrorLog: zap.NewStdLog(log),
	}
	return s, nil
}

// Serve answers connections until Close. It returns nil then, else what failed.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the admin address fails: %w", err)
	}
	return nil
}

// Close ends the server when its calls have ended or ctx has, whichever is first.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close() // a profile in progress is not worth waiting for
	}
	s.grpc.Stop()
	s.cleanup()
	return err
}

func (s *Server) route(http1 http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			s.grpc.ServeHTTP(w, r)
			return
		}
		http1.ServeHTTP(w, r)
	})
}

// profiles returns the handler of pprof, without its command line: that may have keys in it.
func profiles() http.Handler {
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"/debug/pprof/":        pprof.Index,
		"/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol":  pprof.Symbol,
		"/debug/pprof/trace":   pprof.Trace,
		"/debug/pprof/cmdline": http.NotFound,
		"/{$}": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "profiles: /debug/pprof/\ngRPC: grpc.channelz.v1.Channelz, by reflection\n")
		},
	} {
		mux.HandleFunc(path, handler)
	}
	return mux
}

// fromElsewhere reports whether a browser says that another site has it ask, as an image does,
// which has no Origin.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}

// localPagesOnly refuses pages of other origins, and names that are not the loopback
// device's. A socket in the file system has no name, and no page can reach it.
func localPagesOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := auth.CallOf(r)
		named := call.Local == nil || call.Local.Network() != "unix"
		if call.Page.CrossOrigin || named && call.Page.OtherHost || fromElsewhere(r) {
			http.Error(w, "only programs on this machine may ask: use localhost as the host, and no web page", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
