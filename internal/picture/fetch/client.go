package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/flight"
)

// MaxRedirects is how often a shop may send on.
const MaxRedirects = 5

// Agent is the name under which shops know the service, in the User-Agent and in
// robots.txt.
const Agent = "Credenza"

// Config bounds fetches.
type Config struct {
	// Version is told to shops, so that they can tell builds apart.
	Version string
	// Timeout is for a fetch, from its connection slot to the last byte, over
	// all redirects. Queueing and pauses do not count.
	Timeout time.Duration
	// MaxBytes is the most that a body may have, packed or unpacked.
	MaxBytes int64
	// HostConnections is how many requests are under way to a host at once.
	HostConnections int
	// HostRate is how many requests a second a host is sent; 0: no limit.
	HostRate float64
	// Bodies is how many answers are held in memory at once.
	Bodies int
	// Allow names networks, addresses and hosts that are exempt from the address
	// guard, on every port.
	Allow []string
	// Ports are those that may be asked; none: 80 and 443.
	Ports []uint16
	// Resolver is for host names; nil: the system's.
	Resolver *net.Resolver
}

func (c Config) check() error {
	switch {
	case c.Timeout <= 0:
		return fmt.Errorf("the time for fetching a picture is %v: give one above 0", c.Timeout)
	case c.MaxBytes < 1:
		return fmt.Errorf("fetched pictures may have %d bytes: give a number above 0", c.MaxBytes)
	case c.HostConnections < 1:
		return fmt.Errorf("the connections to a shop are %d: give a number above 0", c.HostConnections)
	case !(c.HostRate >= 0 && c.HostRate <= 1e6):
		return fmt.Errorf("the rate of requests to a shop is %v: give a number a second, or 0 for no limit", c.HostRate)
	case c.Bodies < 1:
		return fmt.Errorf("the fetches at once are %d: give a number above 0", c.Bodies)
	}
	return nil
}

// largeBodies is how many of the answers in memory may be large ones, with more
// than smallBody bytes. Together with Config.Bodies that bounds the memory.
// streamWindow is what an HTTP/2 server may send ahead of what is read: it lands
// in memory too, also while its body waits for a place, for as many requests as
// are under way. It lets 10 MB through in 8 s where a round trip takes 200 ms.
//
// A large body has to bring leastBytes within each leastSpan, or it loses its
// place. One that comes evenly and would still be late is slower than that.
const (
	largeBodies  = 8
	smallBody    = 512 << 10
	streamWindow = 256 << 10
	leastBytes   = 96 << 10
	leastSpan    = 3 * time.Second
)

// Client fetches. It is safe for concurrent use.
type Client struct {
	config    Config
	agent     string
	transport *http.Transport
	hosts     *hosts
	bodies    *semaphore.Weighted
	large     *semaphore.Weighted
	rules     *otter.Cache[string, rules]
	reading   flight.Group[string, rules]
}

// New returns a client, or an error that says what is wrong with the config. The
// caller must Close it.
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
	return &Client{
		config:    c,
		agent:     fmt.Sprintf("%s/%s (+https://github.com/credenza-dev/credenza)", Agent, versionOf(c.Version)),
		transport: newTransport(g, c.HostConnections),
		hosts:     newHosts(c.HostConnections, c.HostRate),
		bodies:    semaphore.NewWeighted(int64(c.Bodies)),
		large:     semaphore.NewWeighted(largeBodies),
		rules: otter.Must(&otter.Options[string, rules]{
			MaximumWeight: maxRules,
			Weigher:       func(_ string, r rules) uint32 { return uint32(1024 + r.robots.weight()) },
			// Eviction is short, and a goroutine for it would outlive the call.
			Executor: func(evict func()) { evict() },
		}),
	}, nil
}

func versionOf(v string) string {
	if v == "" {
		return "dev"
	}
	return v
}

// newTransport is used without an http.Client: each redirect is a hop of its own
// here, with the slots of its own host, and there are no cookies.
//
// It leaves Proxy nil: with one, the guard would not see the shops'
// addresses. Packed answers are unpacked here, with a limit, and not there.
func newTransport(g *guard, connections int) *http.Transport {
	return &http.Transport{
		DialContext:            g.dial,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow},
		DisableCompression:     true,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		MaxIdleConns:           100,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// Close closes the connections that are kept. Fetches under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Validators are what a shop gave with an answer, to ask whether it still holds.
type Validators struct {
	// Address is the one that gave the answer, after redirects.
	Address            string
	ETag, LastModified string
}

// askWith reports whether they are what to ask an address with: validators are
// those of one address, and say nothing of others on the way to it.
func (v Validators) askWith(address *url.URL) bool {
	return v.Address == address.String() && (v.ETag != "" || v.LastModified != "")
}

// Resource is an answer.
type Resource struct {
	// Body is the whole body, unpacked; nil if NotModified.
	Body        []byte
	ContentType string
	// Address is where it was found, after redirects.
	Address *url.URL
	// NotModified is set where the validators still hold.
	NotModified bool
	Validators  Validators

	release func()
}

// Close gives back the memory that the body counts for. It may be called once.
func (r *Resource) Close() { r.release() }

// Get fetches an address that Parse returned. The caller must Close what it
// gets. The error is ctx's, a *Busy, or a *fault.Fault with one of the reasons
// ImageUnreachable, ImageForbidden, ImageTooLarge and ImageUnsupported.
func (c *Client) Get(ctx context.Context, address *url.URL, known Validators) (*Resource, error) {
	return c.GetIf(ctx, address, known, nil)
}

// GetIf is Get that calls onward with each address that a shop sends on to, before
// that is asked. An error of onward's, of the kinds that are Get's, ends it.
func (c *Client) GetIf(
	ctx context.Context, address *url.URL, known Validators, onward func(context.Context, *url.URL) error,
) (*Resource, error) {
	r, err := c.fetch(ctx, address, request{
		limit: c.config.MaxBytes, timeout: c.config.Timeout, known: known, onward: onward,
	})
	if status, ok := errors.AsType[*statusError](err); ok {
		return nil, status.fault()
	}
	return r, err
}

// request is what may differ between fetches.
type request struct {
	limit   int64
	cut     bool // what is beyond the limit is left away, and no fault
	timeout time.Duration
	known   Validators
	onward  func(context.Context, *url.URL) error // nil: any redirect is followed
}

// fetch follows an address to its answer. The errors are Get's, and
// *statusError.
func (c *Client) fetch(parent context.Context, address *url.URL, r request) (*Resource, error) {
	ctx, clock := newClock(parent, r.timeout)
	defer clock.end()
	seen := map[string]bool{}
	for hops := 0; ; hops++ {
		seen[address.String()] = true
		got, next, err := c.hop(ctx, clock, address, r)
		if err == nil && next != nil && r.onward != nil {
			err = r.onward(ctx, next)
		}
		switch {
		case err != nil && parent.Err() != nil:
			return nil, parent.Err()
		case err != nil:
			return nil, c.explain(ctx, err, address, r)
		case next == nil:
			return got, nil
		case seen[next.String()]:
			return nil, fault.New(fault.ImageUnreachable,
				"%s redirects in a circle: open the address in a browser and give the one where it ends", address.Hostname())
		case hops == MaxRedirects:
			return nil, fault.New(fault.ImageUnreachable,
				"%s redirects more than %d times: give the address where it ends", address.Hostname(), MaxRedirects)
		}
		address = next
	}
}

// hop makes one request, and returns its answer or where it sends on.
func (c *Client) hop(ctx context.Context, clock *clock, address *url.URL, r request) (*Resource, *url.URL, error) {
	leave, err := c.hosts.enter(ctx, address.Hostname())
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	hold := &hold{client: c, clock: clock}
	clock.run()
	defer clock.stop()
	got, next, err := c.ask(ctx, address, r, hold)
	if got == nil {
		hold.release()
	}
	return got, next, err
}

func (c *Client) ask(ctx context.Context, address *url.URL, r request, hold *hold) (*Resource, *url.URL, error) {
	req, err := c.newRequest(ctx, address, r.known)
	if err != nil {
		return nil, nil, err
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if busy := c.hosts.answered(address.Hostname(), resp.StatusCode, retryAfter(resp.Header)); busy != nil {
		return nil, nil, busy
	}
	got := &Resource{Address: address, release: hold.release}
	switch code := resp.StatusCode; {
	case code == http.StatusNotModified && r.known.askWith(address):
		got.NotModified, got.Validators = true, r.known
		return got, nil, nil
	case redirects(code) && resp.Header.Get("Location") != "":
		next, err := redirected(address, resp.Header.Get("Location"))
		return nil, next, err
	case code != http.StatusOK && code != http.StatusNonAuthoritativeInfo:
		return nil, nil, &statusError{host: address.Hostname(), code: code}
	}
	got.ContentType = resp.Header.Get("Content-Type")
	got.Validators = Validators{address.String(), resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}
	if err := hold.begin(ctx); err != nil {
		return nil, nil, err
	}
	got.Body, err = readBody(ctx, resp, r, hold)
	if err != nil {
		return nil, nil, err
	}
	return got, nil, nil
}

// accept says what can be used, so that shops which choose by it send no AVIF.
const accept = "image/jpeg, image/png, image/webp, image/gif, image/bmp;q=0.8, image/tiff;q=0.8, " +
	"text/html;q=0.9, application/xhtml+xml;q=0.9, */*;q=0.1"

func (c *Client) newRequest(ctx context.Context, address *url.URL, known Validators) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip")
	if name := address.User.Username(); name != "" {
		password, _ := address.User.Password()
		req.SetBasicAuth(name, password)
	}
	if known.askWith(address) && known.ETag != "" {
		req.Header.Set("If-None-Match", known.ETag)
	}
	if known.askWith(address) && known.LastModified != "" {
		req.Header.Set("If-Modified-Since", known.LastModified)
	}
	return req, nil
}

// redirects reports whether a status sends on (Fetch Standard, "redirect
// status"). The others of its hundred do not, whatever their headers say.
func redirects(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirected returns where a shop sends on to, read as any other address: it is
// as suspect.
func redirected(from *url.URL, location string) (*url.URL, error) {
	return resolve(from, location)
}
