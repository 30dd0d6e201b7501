package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/singleflight"
)

// MaxRedirects is the most redirects of one fetch, as in browsers (Fetch Standard,
// "HTTP-redirect fetch").
const MaxRedirects = 20

// Agent is the name of the service in the User-Agent and in robots.txt.
const Agent = "Credenza"

// Config bounds fetches.
type Config struct {
	// Version is sent in the User-Agent.
	Version string
	// Timeout is the time for a fetch from its connection slot to the last byte, over
	// all redirects. Queueing and pauses do not count.
	Timeout time.Duration
	// MaxBytes is the largest size of a body, compressed or not.
	MaxBytes int64
	// HostRate is the number of requests to a host each second; 0: no limit.
	HostRate float64
	// Bodies is the number of responses that are held in memory at once.
	Bodies int
	// Allow lists networks, addresses and hosts that are exempt from the guard, on
	// every port.
	Allow []string
	// Ports are the allowed ports; empty: 80 and 443.
	Ports []uint16
	// Resolver resolves host names; nil: the system's resolver.
	Resolver *net.Resolver
	// Route returns where to connect to for a host and port, under the same guard; nil:
	// there.
	Route func(hostPort string) string
}

func (c Config) check() error {
	switch {
	case c.Timeout <= 0:
		return fmt.Errorf("the time for fetching a picture is %v: give one above 0", c.Timeout)
	case c.MaxBytes < 1:
		return fmt.Errorf("the limit of fetched pictures is %d bytes: give a number above 0", c.MaxBytes)
	case !(c.HostRate >= 0 && c.HostRate <= 1e6):
		return fmt.Errorf("the rate of requests to a shop is %v: give a number a second, or 0 for no limit", c.HostRate)
	case c.Bodies < 1:
		return fmt.Errorf("the number of fetches at once is %d: give a number above 0", c.Bodies)
	}
	return nil
}

const (
	// hostConnections is the number of requests in flight to one host.
	hostConnections = 4
	// largeBodies is the number of responses in memory with more than smallBody bytes.
	// Together with Config.Bodies, it bounds the memory.
	largeBodies = 8
	smallBody   = 512 << 10
	// streamWindow is the number of bytes that an HTTP/2 server may send ahead, for each
	// request in flight. With a round trip of 200 ms, 10 MB arrive in 8 s.
	streamWindow = 256 << 10
	// A large body with fewer than stallBytes in a stallPeriod is given up. A body that
	// comes evenly at that rate would be too late anyway.
	stallBytes  = 96 << 10
	stallPeriod = 3 * time.Second
)

// Client fetches pictures and pages. It is safe for concurrent use.
type Client struct {
	config    Config
	agent     string
	transport *http.Transport
	hosts     *hosts
	bodies    *semaphore.Weighted
	large     *semaphore.Weighted
	rules     *otter.Cache[string, *rules]
	reading   singleflight.Group[string, *rules]
}

// New returns a client, which the caller must Close, or an error if the config is
// invalid.
func New(c Config) (*Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(c.Ports) == 0 {
		c.Ports = []uint16{80, 443}
	}
	g, err := newGuard(c.Allow, c.Ports, c.Resolver)
	if err != nil {
		return nil, err
	}
	g.route = c.Route
	return &Client{
		config:    c,
		agent:     fmt.Sprintf("%s/%s (+https://github.com/credenza-dev/credenza)", Agent, cmp.Or(c.Version, "dev")),
		transport: newTransport(g),
		hosts:     newHosts(c.HostRate),
		bodies:    semaphore.NewWeighted(int64(c.Bodies)),
		large:     semaphore.NewWeighted(largeBodies),
		rules: otter.Must(&otter.Options[string, *rules]{
			MaximumWeight: maxRules,
			Weigher:       func(_ string, r *rules) uint32 { return uint32(1024 + r.robots.weight()) },
			// Eviction is short, and a goroutine would outlive the call.
			Executor: func(evict func()) { evict() },
		}),
	}, nil
}

// newTransport returns a transport that is used without an http.Client, because each
// redirect needs the slots of its own host. Proxy is nil, because the guard would not
// see the shops' addresses. Compression is off, because readBody has a limit.
func newTransport(g *guard) *http.Transport {
	return &http.Transport{
		DialContext:            g.dial,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow},
		DisableCompression:     true,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxConnsPerHost:        hostConnections,
		MaxIdleConnsPerHost:    hostConnections,
		MaxIdleConns:           100,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// Close closes idle connections. Fetches in flight continue.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Validators identify a response, to ask the shop whether it is still current.
type Validators struct {
	// Address is the address of the response, after redirects.
	Address            string
	ETag, LastModified string
}

// applyTo reports whether the validators are those of an address. They mean nothing to
// other addresses that redirect to it.
func (v Validators) applyTo(address *url.URL) bool {
	return v.Address == address.String() && (v.ETag != "" || v.LastModified != "")
}

// Resource is a response.
type Resource struct {
	// Body is the whole body, decompressed; nil if NotModified.
	Body        []byte
	ContentType string
	// Refresh is the header of that name, which may redirect.
	Refresh string
	// Address is the address of the response, after redirects.
	Address *url.URL
	// NotModified is set if the validators are still current.
	NotModified bool
	Validators  Validators
	// Broken is the error of a body that broke off, if that is usable; else nil.
	Broken error

	release func()
}

// Close releases the slots of the body. It may be called once.
func (r *Resource) Close() { r.release() }

// request is a Request with its limits. Without a session it has no cookies.
type request struct {
	Request
	limit    int64
	truncate bool // a body beyond the limit is cut off, and not an error
	timeout  time.Duration
	pictures bool // it may be a picture
}

// fetch follows an address to its response. The errors are Fetch's and *statusError.
func (c *Client) fetch(parent context.Context, r request) (*Resource, error) {
	ctx, clock := newClock(parent, r.timeout)
	defer clock.end()
	for v := newVisit(r); ; {
		got, next, err := c.hop(ctx, clock, v)
		if err == nil && next != nil && r.Check != nil {
			err = r.Check(ctx, next)
		}
		switch {
		case err != nil && parent.Err() != nil:
			return nil, parent.Err()
		case err != nil && v.retry(err):
			continue
		case err != nil:
			return nil, c.explain(ctx, err, v.address, r)
		case next == nil:
			return got, nil
		}
		if err := v.turn(next); err != nil {
			return nil, err
		}
	}
}

// hop makes one request, and returns its response or the target to which it leads.
func (c *Client) hop(ctx context.Context, clock *clock, v *visit) (*Resource, *url.URL, error) {
	leave, err := c.hosts.enter(ctx, v.address.Hostname())
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	if v.Guessed && v.hops == 0 && c.IsPlain(v.address) { // found out while this one queued
		return nil, nil, &unconnected{errPlain, siteOf(v.address)}
	}
	slots := &bodySlots{client: c, clock: clock}
	clock.run()
	defer clock.stop()
	got, next, err := c.ask(ctx, v, slots)
	if err == nil && next == nil && got.Broken == nil {
		next, err = v.onward(got)
	}
	if err != nil || next != nil {
		slots.release()
		got = nil
	}
	return got, next, err
}

func (c *Client) ask(ctx context.Context, v *visit, slots *bodySlots) (*Resource, *url.URL, error) {
	req, err := c.newRequest(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	resp, err := c.roundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	address := v.address
	if busy := c.hosts.recordStatus(address.Hostname(), resp.StatusCode, retryAfter(resp.Header)); busy != nil {
		return nil, nil, busy
	}
	if v.Session != nil {
		v.Session.receive(resp, address)
	}
	got := &Resource{Address: address, release: slots.release}
	switch code := resp.StatusCode; {
	case code == http.StatusNotModified && v.Known.applyTo(address):
		got.NotModified, got.Validators = true, v.Known
		return got, nil, nil
	case redirects(code) && resp.Header.Get("Location") != "":
		next, err := resolve(address, resp.Header.Get("Location"))
		return nil, next, err
	case code != http.StatusOK && code != http.StatusNonAuthoritativeInfo:
		return nil, nil, &statusError{host: address.Hostname(), code: code}
	}
	got.ContentType, got.Refresh = resp.Header.Get("Content-Type"), resp.Header.Get("Refresh")
	got.Validators = Validators{address.String(), resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}
	if err := slots.begin(ctx); err != nil {
		return nil, nil, err
	}
	got.Body, err = readBody(ctx, resp, v.request, slots)
	switch {
	case err == nil:
		return got, nil, nil
	case v.Usable == nil || !errors.Is(err, io.ErrUnexpectedEOF) || !v.Usable(got.Body):
		return nil, nil, err
	}
	got.Broken, got.Validators = c.explain(ctx, err, address, v.request), Validators{}
	return got, nil, nil
}

// roundTrip sends a request. The error is an *unconnected if there was no connection for it.
func (c *Client) roundTrip(req *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	resp, err := c.transport.RoundTrip(req.WithContext(ctx))
	if err != nil && !connected.Load() {
		err = &unconnected{err, siteOf(req.URL)}
	}
	return resp, err
}

// accept lists the supported formats, so that shops that choose by it send no AVIF.
const accept = "image/jpeg, image/png, image/webp, image/gif, image/bmp;q=0.8, image/tiff;q=0.8, " +
	"text/html;q=0.9, application/xhtml+xml;q=0.9, */*;q=0.1"

// redirects reports whether a status is a redirect (Fetch Standard, "redirect
// status"). Others of the 300s are not, whatever their headers.
func redirects(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
