package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/lexicon"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/peers"
	"github.com/credenza-dev/credenza/internal/picture"
	"github.com/credenza-dev/credenza/internal/picture/preview"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/internal/upstream"
	"github.com/credenza-dev/credenza/internal/web"
	"github.com/credenza-dev/credenza/internal/web/ui"
)

// wire builds the parts, from the bottom up.
func (a *App) wire(ctx context.Context) error {
	log, level, recent, err := newLogger(a.config.LogLevel, a.config.LogFormat, a.options.LogTo)
	if err != nil {
		return err
	}
	a.log = log
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector(sendBuildInfo))
	if err := a.openTraces(ctx, metrics); err != nil {
		return err
	}
	tax, err := taxonomy.Load(a.config.Taxonomy)
	if err != nil {
		return err
	}
	gate, err := newGate(&a.config)
	if err != nil {
		return err
	}
	if err := a.config.checkServed(gate); err != nil {
		return err
	}
	a.gate = gate
	if err := a.openAuthority(); err != nil {
		return err
	}
	a.inBackground(ctx, a.logOutages)
	metrics.MustRegister(collector(a.sendGateFigures))
	if err := a.openBroker(ctx); err != nil {
		return err
	}
	if a.broker != nil {
		metrics.MustRegister(metric.StoreAvailable.Func(func() float64 { return one(a.broker.Writable()) }))
	}
	a.openCaps(metrics)
	if a.cache = a.newCache(); a.cache != nil {
		metrics.MustRegister(collector(a.sendCacheFigures))
	}
	engine, err := a.newEngine(tax, gate, newObserver(log, metrics))
	if err != nil {
		return err
	}
	if err := a.startJobs(ctx, engine, metrics); err != nil {
		return err
	}
	return a.wireEdges(ctx, edges{engine, tax, &operations{a, level, time.Now(), recent}, log, metrics})
}

type edges struct {
	engine     *classify.Engine
	taxonomy   *taxonomy.Taxonomy
	operations *operations
	log        *zap.Logger
	metrics    *prometheus.Registry
}

func (a *App) wireEdges(ctx context.Context, e edges) error {
	c := &a.config
	if err := c.checkExposures(); err != nil {
		return err
	}
	budget := intake.New(c.intakeBytes())
	e.metrics.MustRegister(metric.Intake.Func(func() float64 { return float64(budget.Held()) }))
	a.peers = peers.New(peers.Config{Connections: c.connections()}, e.log)
	e.metrics.MustRegister(peerMetrics(a.peers)...)
	parts := rpc.Parts{
		Engine: a.options.Stored.engine(e.engine), Authority: a.authority, Operations: e.operations,
		Taxonomy: e.taxonomy, Log: e.log, Metrics: e.metrics, Traces: a.traces.rpc,
	}
	if a.jobs != nil {
		a.serveJobs(&parts)
	}
	var err error
	a.rpc, err = rpc.NewServer(rpc.Config{
		MaxItems: c.MaxItems, MaxRequestBytes: c.MaxMessage << 20,
		Models: c.servedModels(), TLS: c.tlsFiles(), Intake: budget, WriteTimeout: c.WriteTimeout,
	}, parts)
	if err != nil {
		return err
	}
	a.watchFiles(ctx)
	a.web, err = a.newWeb(e, a.authority, budget)
	return err
}

func (c *Config) tlsFiles() rpc.TLSFiles {
	return rpc.TLSFiles{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA}
}

// checkExposures refuses addresses of callers that are not safe.
func (c *Config) checkExposures() error {
	secure := c.tlsFiles() != rpc.TLSFiles{}
	var w wrongs
	for _, a := range []struct{ name, addr string }{{"grpc-addr", c.GRPCAddr}, {"http-addr", c.HTTPAddr}} {
		if err := checkExposure(a.addr, secure, c.Insecure); err != nil {
			w.add(a.name, "%s: %w", a.name, err)
		}
	}
	return errors.Join(w...)
}

// newWeb returns the HTTP edge, with what the gRPC edge has for it.
func (a *App) newWeb(e edges, callers web.Callers, budget *intake.Budget) (*web.Server, error) {
	c := &a.config
	config := web.Config{
		Origins: c.origins(), MaxItems: c.MaxItems, MaxBodyBytes: int64(c.MaxMessage) << 20, WriteTimeout: c.WriteTimeout, Intake: budget,
		About: web.About{Version: Version, Model: c.backend() == backendOpenAI},
	}
	for _, category := range e.taxonomy.Categories {
		config.About.Categories = append(config.About.Categories, category.Name)
	}
	if certificates := a.rpc.Certificates(); certificates != nil {
		// Probes and scrapers have no certificate of their own.
		config.TLS = certificates.Config(tls.VerifyClientCertIfGiven, "h2", "http/1.1")
		config.CertifiedCallers = certificates.Verified()
	}
	parts := web.Parts{
		Engine: e.engine, Callers: callers, Services: a.rpc.HTTP(),
		Ready: a.isReady, Outages: a.outages, Traces: a.traces.web, Log: e.log, Metrics: e.metrics,
	}
	if a.jobs != nil {
		parts.Uploads, parts.Page = a.uploads, ui.Files()
	}
	return web.New(config, parts)
}

// servedModels are the names that callers may ask for.
func (c *Config) servedModels() []string {
	if c.backend() == backendOffline {
		return []string{lexiconModel}
	}
	return append([]string{c.Model}, c.Models...)
}

// checkServed finds models that callers may ask for and no key group has.
func (c *Config) checkServed(gate *upstream.Gate) error {
	if c.backend() != backendOpenAI {
		return nil
	}
	for i, model := range c.servedModels() {
		if gate.Serves(model) {
			continue
		}
		setting := "openai-model"
		if i > 0 {
			setting = "models"
		}
		return wrong(setting, "%s: no key group serves %q: add it to the models of a group, or give another model", setting, model)
	}
	return nil
}

const lexiconModel = "lexicon"

// newGate returns the gate to the model, or to the processor if the offline classifier
// answers.
func newGate(c *Config) (*upstream.Gate, error) {
	config := upstream.Config{
		Groups: c.groups(), Fixed: c.MaxWorkers, QueueBound: c.QueueLimit, BulkShare: c.BulkShare, HedgeShare: c.HedgeShare,
	}
	if c.backend() == backendOffline && config.Fixed == 0 {
		config.Fixed = min(32, runtime.NumCPU()+4) // there is nothing to adapt to
	}
	return upstream.New(config)
}

// groups are the quota groups: as configured, or each key one of its own.
func (c *Config) groups() []upstream.Group {
	switch {
	case c.backend() == backendOffline:
		return []upstream.Group{{Name: backendOffline, BaseURL: "http://localhost", Keys: []upstream.Key{{}}}}
	case len(c.KeyGroups.groups) > 0:
		groups := slices.Clone(c.KeyGroups.groups)
		for i := range groups {
			groups[i].BaseURL = cmp.Or(groups[i].BaseURL, c.baseURL())
		}
		return groups
	case len(c.APIKeys.secrets) == 0:
		return []upstream.Group{{Name: groupName(1), BaseURL: c.baseURL(), Keys: []upstream.Key{{}}}}
	}
	var groups []upstream.Group
	for i, secret := range c.APIKeys.secrets {
		groups = append(groups, upstream.Group{Name: groupName(i + 1), BaseURL: c.baseURL(), Keys: []upstream.Key{{Secret: secret}}})
	}
	return groups
}

func (a *App) newEngine(tax *taxonomy.Taxonomy, gate *upstream.Gate, o classify.Observer) (*classify.Engine, error) {
	c := &a.config
	offline, err := lexicon.New(tax)
	if err != nil {
		return nil, err
	}
	pictures, err := newPictures(c) // also offline, to find wrong settings
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, pictures.Close)
	if a.previews, err = preview.New(pictures); err != nil {
		return nil, err
	}
	parts := classify.Parts{
		Trace:   catalog.Trace{Backend: c.backend(), Model: c.servedModels()[0], Taxonomy: tax.Version},
		Backend: inTurn{gate, offline}, Pictures: picture.Blind{}, PoolSize: gate.PoolSize, Full: gate.Full, Outage: gate.Outage, Observer: o, Spans: a.traces.engine,
	}
	if a.caps != nil {
		parts.Caps = a.caps
	}
	if c.backend() == backendOpenAI {
		p, err := prompt.New(tax)
		if err != nil {
			return nil, err
		}
		a.words = p
		if a.model, err = newModel(c, p, gate, modelParts{a.options.Model, a.profileStore(), a.traces.model}); err != nil {
			return nil, err
		}
		a.closers = append(a.closers, a.model.Close)
		parts.Backend = a.model
		parts.Pictures = pictures
		if a.cache != nil {
			parts.Cache, parts.Scope = a.cache, scopeOf(c, p)
		}
		if c.Fallback == backendOffline {
			parts.Fallback = offline
		}
	}
	return classify.New(classify.Config{
		BatchSize:   [catalog.NumKinds]int{catalog.KindText: c.TextBatchSize, catalog.KindImage: c.ImageBatchSize},
		FlushDelay:  c.FlushDelay,
		ReviewBelow: c.ReviewBelow,
	}, parts)
}

// Pictures are shrunk to what the model sees: 512 pixels a side at the detail low,
// else 768, to which OpenAI's models scale a picture's shorter side.
const (
	lowFit  = 512
	fullFit = 768
)

// maxFetches is how many answers of shops are in flight at once, each with up to 512 KiB
// of memory, a few with more: enough for a full pool of 256 whose shops take a second.
const maxFetches = 256

// fit returns the square that pictures are shrunk to, in pixels a side.
func (c *Config) fit() int {
	switch {
	case c.ImageFit > 0:
		return c.ImageFit
	case llm.Detail(c.ImageDetail) == llm.DetailLow:
		return lowFit
	default:
		return fullFit
	}
}

func newPictures(c *Config) (*picture.Source, error) {
	pictures, err := picture.New(picture.Config{
		Version: Version, MaxBytes: c.ImageMaxBytes, Fit: c.fit(), Timeout: c.ImageTimeout,
		HostRate: c.ImageHostRate, Allow: c.ImageAllow, Fetches: maxFetches,
	})
	if err != nil {
		return nil, wrong("image-allow", "image-allow: %w", err) // the rest was checked
	}
	return pictures, nil
}

// modelParts are what a client of the model uses. All may be nil.
type modelParts struct {
	transport http.RoundTripper
	profiles  llm.Profiles
	spans     llm.Spans
}

// newModel returns a client of the model.
func newModel(c *Config, p *prompt.Prompt, gate *upstream.Gate, parts modelParts) (*llm.Client, error) {
	settings, groups := c.profiles()
	return llm.New(llm.Config{
		Settings: settings, Groups: groups, MaxOutputTokens: c.MaxOutput, Profiles: parts.profiles, Spans: parts.spans,
		Model: c.Model, AttemptTimeout: c.AttemptTimeout,
		Detail: llm.Detail(c.ImageDetail), Transport: parts.transport, Hedge: c.HedgeShare > 0,
	}, gate, p)
}
