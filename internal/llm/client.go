package llm

import (
	"context"
	"fmt"
	"net/http"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// Gate decides when a call may start and on which key. Acquire waits for that;
// it fails with a *fault.Fault if no key serves, and with the context's error
// when that ends first. Each lease is settled exactly once.
type Gate interface {
	Acquire(ctx context.Context, n upstream.Need) (*upstream.Lease, error)
	// Hedge returns a lease for a second call if one is to spare, and never waits.
	Hedge(n upstream.Need) (*upstream.Lease, bool)
	// Late returns the fault of an attempt whose deadline comes now.
	Late(n upstream.Need) *fault.Fault
}

// Client asks a model. It is safe for concurrent use, and starts no goroutine
// that outlives a call but those of its idle connections.
type Client struct {
	config    Config
	gate      Gate
	prompt    *prompt.Prompt
	parts     parts
	sites     sites
	openings  openings
	api       openai.Client
	caller    *http.Client
	transport http.RoundTripper
}

// New returns a Client, or an error that says what is wrong with the config.
func New(c Config, gate Gate, p *prompt.Prompt) (*Client, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if gate == nil || p == nil {
		return nil, fmt.Errorf("a client needs a gate and a prompt")
	}
	transport := c.Transport
	if transport == nil {
		transport = newTransport()
	}
	caller := &http.Client{Transport: newBounded(transport), CheckRedirect: stay}
	// The literal, not openai.NewClient: that one reads keys, organisations and
	// base URLs from the environment, which is the configuration's business.
	api := openai.Client{Options: []option.RequestOption{
		option.WithHTTPClient(caller), option.WithMaxRetries(0), option.WithBaseURL(defaultBase + "/"),
		option.WithHeader("Accept-Encoding", acceptEncoding),
	}}
	client := &Client{config: c, gate: gate, prompt: p, parts: newParts(p), api: api, caller: caller, transport: transport}
	client.sites.config = &client.config
	return client, nil
}

// Close closes the connections that are idle. Calls in flight are not touched.
func (c *Client) Close() {
	if idler, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		idler.CloseIdleConnections()
	}
}
