// Package app puts the service together: settings, wiring, start and end.
//
// It is the only package that knows all the others. Everything is an ordinary
// constructor call in wire.go, and the tests that go through the front door
// start the same App as the command does.
//
//	a, err := app.Start(ctx, config)
//	if err != nil { ... }              // one line that says what to do
//	err = a.Wait(ctx)                  // serves until ctx ends, then drains
package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/caps"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/peers"
	"github.com/credenza-dev/credenza/internal/picture/preview"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/tracing"
	"github.com/credenza-dev/credenza/internal/upload"
	"github.com/credenza-dev/credenza/internal/upstream"
	"github.com/credenza-dev/credenza/internal/web"
)

// Options are what a program around an App may want otherwise.
type Options struct {
	// LogTo is where log lines go. Nil: standard error.
	LogTo io.Writer
	// Listen opens the listener of a setting's address. Nil: TCP, or a socket in the
	// file system.
	Listen func(ctx context.Context, addr string) (net.Listener, error)
	// Model carries the calls to the model. Nil: the network.
	Model http.RoundTripper
	// Warnings are logged at the start.
	Warnings []string
	// CheckModels looks, once started, whether the servers list the configured models, and
	// warns in the log if not.
	CheckModels bool
	// On a value from Reload, certificates and tokens are read again, as they are within a
	// second of a change anyway. Nil: no other way.
	Reload <-chan os.Signal
	// Data is where answers and jobs are kept.
	Data Data
	// Stored bounds what a kill can cost. Nil: a result counts as stored when it is sent.
	Stored *Stored
	// Spans takes the spans of traces. Nil: OpenTelemetry's variables say where they go.
	Spans tracing.Exporter
}

func (o Options) withDefaults() Options {
	if o.LogTo == nil {
		o.LogTo = os.Stderr
	}
	if o.Listen == nil {
		o.Listen = listen
	}
	return o
}

// App is a running service. Its methods are safe for concurrent use. The caller of Start
// ends it, by Wait or Close.
type App struct {
	config  Config
	options Options
	log     *zap.Logger
	gate    *upstream.Gate
	model   *llm.Client    // nil: the offline classifier answers
	broker  *broker.Broker // nil: nothing outlives the process
	// dataPlace says where answers and jobs are kept, for the log.
	dataPlace  string
	dataFolder string        // empty: a cluster keeps them, or nothing does
	cache      *cache.Cache  // nil: every question is asked
	jobs       *jobs.Service // nil: there are none
	uploads    *upload.Store // nil: there are no jobs
	previews   *preview.Previews
	words      *prompt.Prompt // nil: the offline classifier answers
	authority  *auth.Authority
	caps       *caps.Keeper // nil: no caller has caps
	peers      *peers.Limits
	traces     traces
	rpc        *rpc.Server
	web        *web.Server
	admin      *adminEdge // nil: not served
	grpcLis    net.Listener
	httpLis    net.Listener
	ready      atomic.Bool
	lost       atomic.Bool // the data folder is
	showing    sync.Mutex  // of readiness, so that the last change is shown
	failed     chan error  // room for all servers
	serving    sync.WaitGroup
	closers    []func() // of the parts that hold connections; run in reverse

	closing  sync.Once
	closeErr error
}

// Start listens on the configured addresses and serves in the background. Ports may be
// 0: GRPCAddr and HTTPAddr return the ports in use. Any problem with a setting, a file
// or a port is an error, and then nothing is left running.
func Start(ctx context.Context, config Config, options Options) (*App, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	a := &App{config: config, options: options.withDefaults(), failed: make(chan error, 3)}
	if err := a.wire(ctx); err != nil {
		a.closeParts()
		return nil, err
	}
	if err := a.listen(ctx); err != nil {
		a.closeParts()
		return nil, err
	}
	a.reloadFiles() // the start may have waited for NATS meanwhile
	a.serve()
	for _, warning := range a.options.Warnings {
		a.log.Warn(warning)
	}
	a.log.Info("serving", a.startFields()...)
	if a.model != nil && a.options.CheckModels {
		a.inBackground(ctx, a.checkModels)
	}
	return a, nil
}

// startFields describe the service to its operator: backend, addresses, data and callers.
func (a *App) startFields() []zap.Field {
	callers := "anyone"
	switch {
	case a.config.TokenFile != "":
		callers = "with a token"
	case a.config.TLSClientCA != "":
		callers = "with a certificate"
	}
	fields := []zap.Field{
		zap.String("grpc", a.GRPCAddr()), zap.String("http", a.HTTPAddr()),
		zap.String("backend", a.config.backend()), zap.String("model", a.config.servedModels()[0]),
		zap.String("data", a.dataPlace), zap.Bool("tls", a.config.TLSCert != ""), zap.String("callers", callers),
		zap.String("version", Version), zap.String("commit", Commit()),
	}
	if limit := memoryLimit(); limit > 0 {
		fields = append(fields, zap.Int64("memory_limit_mib", limit>>20))
	}
	if addr := a.AdminAddr(); addr != "" {
		fields = append(fields, zap.String("admin", addr))
	}
	return fields
}

func (a *App) listen(ctx context.Context) (err error) {
	if a.grpcLis, err = a.listenOn(ctx, "grpc-addr", a.config.GRPCAddr); err != nil {
		return err
	}
	if a.httpLis, err = a.listenOn(ctx, "http-addr", a.config.HTTPAddr); err != nil {
		return errors.Join(err, a.grpcLis.Close())
	}
	if err = a.openAdmin(ctx); err != nil {
		return errors.Join(err, a.grpcLis.Close(), a.httpLis.Close())
	}
	return nil
}

func (a *App) listenOn(ctx context.Context, setting, addr string) (net.Listener, error) {
	l, err := a.options.Listen(ctx, addr)
	if err != nil {
		return nil, cannotListen(setting, addr, err)
	}
	return a.peers.Listener(l), nil
}

func cannotListen(setting, addr string, err error) error {
	return wrong(setting, "cannot listen on %s: %w: set %s to another address", addr, err, setting)
}

func (a *App) serve() {
	a.serving.Go(func() { a.failed <- a.rpc.Serve(a.grpcLis) })
	a.serving.Go(func() { a.failed <- a.web.Serve(auth.NameConnections(a.httpLis)) })
	a.serveAdmin()
	a.ready.Store(true)
	a.showReady()
}

// isReady reports whether calls are welcome. Without its data folder a service still
// classifies, but others should be asked.
func (a *App) isReady() bool { return a.ready.Load() && !a.lost.Load() }

func (a *App) showReady() {
	a.showing.Lock()
	defer a.showing.Unlock()
	if a.ready.Load() {
		a.rpc.SetReady(a.isReady())
	}
}

// GRPCAddr returns the address on which gRPC is served: HOST:PORT, or unix:///PATH.
func (a *App) GRPCAddr() string { return addressOf(a.grpcLis) }

// HTTPAddr returns the address on which HTTP is served, as GRPCAddr does.
func (a *App) HTTPAddr() string { return addressOf(a.httpLis) }

// AdminAddr returns the address of profiles and channelz, as GRPCAddr does; empty: they are
// not served.
func (a *App) AdminAddr() string {
	if a.admin == nil {
		return ""
	}
	return addressOf(a.admin.listener)
}

// Backend returns the backend in use: "openai" or "offline".
func (a *App) Backend() string { return a.config.backend() }

// Wait serves until ctx ends or a server fails, then closes the app, giving
// running calls the configured time to end. It returns what failed, nil if
// nothing did.
func (a *App) Wait(ctx context.Context) error {
	var failed error
	for waiting := true; waiting; {
		waiting = false
		select {
		case <-ctx.Done():
		case failed = <-a.failed:
		case <-a.options.Reload:
			a.reloadFiles()
			waiting = true
		}
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.config.DrainTimeout)
	defer cancel()
	return errors.Join(failed, a.Close(drain))
}

// Close ends the app: not ready, then calls in flight may end until ctx does (the
// configured time, if it has no deadline), then the rest is cut off. Calls that were
// cut off are logged and are no error.
func (a *App) Close(ctx context.Context) error {
	a.closing.Do(func() { a.closeErr = a.close(ctx) })
	return a.closeErr
}

func (a *App) close(ctx context.Context) error {
	a.log.Info("shutting down: new calls are refused, running calls may end")
	a.ready.Store(false)
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.config.DrainTimeout)
		defer cancel()
	}
	a.gate.Drain()
	// Jobs and both edges drain in the same time. Calls of the services over HTTP
	// are the gRPC server's, which waits for them.
	var draining sync.WaitGroup
	draining.Go(func() { a.drainJobs(ctx) })
	for _, drain := range []func(context.Context) error{a.rpc.Shutdown, a.web.Drain} {
		draining.Go(func() {
			if err := drain(ctx); err != nil {
				a.log.Warn("calls were cut off", zap.Error(err))
			}
		})
	}
	draining.Wait()
	// The HTTP address goes last: no call is on it any more, and probes have seen
	// the drain.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := errors.Join(a.web.Shutdown(last), a.closeAdmin(last))
	a.serving.Wait()
	a.closeParts()
	a.log.Info("stopped")
	_ = a.log.Sync() // standard error cannot be synced everywhere, and nothing can be done
	return err
}

func (a *App) closeParts() {
	for _, f := range slices.Backward(a.closers) {
		f()
	}
}
