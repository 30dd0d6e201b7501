package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// The values if the configuration gives none.
const (
	DefaultMaxItems     = 100_000
	DefaultMaxBodyBytes = 64 << 20
	DefaultWriteTimeout = 10 * time.Minute
	// DefaultHeartbeat is under the 30 to 60 s after which proxies give up on a
	// silent connection.
	DefaultHeartbeat = 15 * time.Second
)

// Config is the edge's tuning.
type Config struct {
	// TLS is the server's certificate. Nil: plain HTTP.
	TLS *tls.Config
	// CertifiedCallers requires a certificate that TLS has verified for calls for work.
	// Probes and scrapers need none.
	CertifiedCallers bool
	// Origins are those whose pages may call, such as https://shop.example; "*" is
	// all of them. None: no page of another origin.
	Origins []string
	// MaxItems is the most rows of a request. 0: DefaultMaxItems.
	MaxItems int
	// MaxBodyBytes is the most that a request may have. 0: DefaultMaxBodyBytes.
	MaxBodyBytes int64
	// Intake bounds what requests hold. Nil: a budget of its own.
	Intake *intake.Budget
	// WriteTimeout is how long a caller may read nothing of what waits for it, up to
	// twice that, before it is cut off. 0: DefaultWriteTimeout.
	WriteTimeout time.Duration
	// Heartbeat is the silence after which a comment is sent. 0: DefaultHeartbeat.
	Heartbeat time.Duration
	// About is what GET / and GET /health answer.
	About About
}

// About describes the service.
type About struct {
	Version string
	// Categories are the taxonomy's, in its order.
	Categories []string
	// Model is true if a model is asked, and not the offline classifier.
	Model bool
}

func (c Config) withDefaults() (Config, error) {
	if c.MaxItems < 0 || c.MaxBodyBytes < 0 || c.WriteTimeout < 0 || c.Heartbeat < 0 {
		return c, fmt.Errorf("a limit of the HTTP server is negative (%d items, %d bytes, %v, %v): give 0 for the usual one",
			c.MaxItems, c.MaxBodyBytes, c.WriteTimeout, c.Heartbeat)
	}
	c.MaxItems = cmp.Or(c.MaxItems, DefaultMaxItems)
	c.MaxBodyBytes = cmp.Or(c.MaxBodyBytes, DefaultMaxBodyBytes)
	c.Intake = cmp.Or(c.Intake, intake.New(0))
	c.WriteTimeout = cmp.Or(c.WriteTimeout, DefaultWriteTimeout)
	c.Heartbeat = cmp.Or(c.Heartbeat, DefaultHeartbeat)
	return c, nil
}

// Engine classifies. It is safe for concurrent use, calls send on the goroutine
// that called Run, and has ended all its goroutines when it returns, which it
// does soon after ctx ends. Errors are faults, the context's, or what next and
// send returned.
type Engine interface {
	Run(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error)
}

// Callers finds out which caller sends a request, and whether it may classify.
type Callers interface {
	// Identified returns the request with its caller in its context, where the other methods
	// and the services find it.
	Identified(r *http.Request) *http.Request
	// Caller returns the caller of a request for classifications, and a fault if it
	// may not classify.
	Caller(r *http.Request) (catalog.Caller, error)
	// Uploader returns the caller of a request that uploads a file, the owner that the file
	// is to have, and a fault if it may not.
	Uploader(r *http.Request) (catalog.Caller, catalog.Owner, error)
	// Share returns the name by which what a request sends is counted, and whether
	// its caller is known.
	Share(r *http.Request) (caller string, known bool)
}

// Services is the gRPC services over HTTP. It answers paths of the form
// /SERVICE/METHOD, logs and counts its calls itself, and ends them when it is shut
// down.
type Services interface {
	http.Handler
	// Uploads reports whether calls to a path send a stream, which may be silent.
	Uploads(path string) bool
}

// Traces records a span of each request of the compatible endpoint. It is safe for
// concurrent use.
type Traces interface {
	// Request is called when a request begins. It returns the context for all that is done for
	// it.
	Request(r *http.Request) context.Context
	// RequestDone is called with that context, the status that was answered (0: none) and what
	// failed, or nil.
	RequestDone(ctx context.Context, status int, f *fault.Fault)
	// ID returns the id of the trace that the request is in.
	ID(ctx context.Context) string
}

// Parts are what the edge uses. All but Uploads, Page, Outages and Traces are needed.
type Parts struct {
	Engine   Engine
	Callers  Callers
	Services Services
	// Uploads is nil without storage for jobs. Then no file is taken.
	Uploads Uploads
	// Page has the console's files, index.html and others. Nil: there is none.
	Page fs.FS
	// Ready reports whether new calls are taken.
	Ready func() bool
	// Outages returns the model's servers that do not answer, for /readyz.
	Outages func() []catalog.Outage
	// Traces is how requests are traced. Nil: they are not.
	Traces Traces
	Log    *zap.Logger
	// Metrics is what /metrics shows, and where the edge registers its own.
	Metrics *prometheus.Registry
}

func (p Parts) check() error {
	if p.Engine == nil || p.Callers == nil || p.Services == nil || p.Ready == nil || p.Log == nil || p.Metrics == nil {
		return errors.New("the HTTP server lacks a part: engine, callers, services, readiness, log and metrics are all needed")
	}
	return nil
}
