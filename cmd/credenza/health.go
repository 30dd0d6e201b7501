package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
)

type healthCommand struct {
	URL        string        `name:"url" placeholder:"URL" help:"Ask the service at this HTTP address, such as https://credenza.example:8000, in place of the local one."`
	TLSCA      string        `name:"tls-ca" placeholder:"FILE" help:"The CA that has signed --url's certificate, PEM (default: those of the system)."`
	Timeout    time.Duration `default:"3s" placeholder:"TIME" help:"How long the answer may take (default: 3s)."`
	app.Config `embed:""`
}

// Help is the second part of `credenza health --help`.
func (*healthCommand) Help() string {
	return `Asks /readyz on the HTTP address on which "serve" listens with the same settings. The exit code is 0 if the service accepts calls, and 1 if it is starting, shutting down, without its data, or does not answer. It needs neither a token nor a certificate, so it suits the health check of a container.`
}

// Validate checks the flags.
func (c *healthCommand) Validate() error {
	switch {
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout is %v: give a time such as 3s", c.Timeout)
	case c.URL == "" && c.TLSCA != "":
		return errors.New("--tls-ca is for --url: leave it out, since the local service is asked")
	case c.URL == "":
		return nil
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("--url is %q: give an address such as https://credenza.example:8000", c.URL)
	}
	return nil
}

// Run asks, and prints the answer.
func (c *healthCommand) Run(ctx context.Context, s streams) error {
	base, transport, err := c.way()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	text, err := readiness(ctx, transport, base+"/readyz")
	if err != nil {
		return err
	}
	printLine(s.out, "%s", text)
	return nil
}

// way returns the address to ask, and the transport that reaches it.
func (c *healthCommand) way() (base string, transport *http.Transport, err error) {
	transport = &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if c.URL != "" {
		if c.TLSCA != "" {
			transport.TLSClientConfig, err = trustOnly(c.TLSCA)
		}
		return strings.TrimRight(c.URL, "/"), transport, err
	}
	host, dial, err := localHost(c.HTTPAddr)
	if err != nil {
		return "", nil, err
	}
	transport.DialContext = dial
	if c.TLSCert == "" {
		return "http://" + host, transport, nil
	}
	// The certificate is for the name that callers use, and nothing secret is sent.
	transport.TLSClientConfig.InsecureSkipVerify = true
	return "https://" + host, transport, nil
}

// localHost returns the host and the port at which this machine reaches a server that
// listens on an address, and what connects to it; nil: as usual.
func localHost(addr string) (host string, dial func(context.Context, string, string) (net.Conn, error), err error) {
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		return "localhost", func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}, nil
	}
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, fmt.Errorf("http-addr is %q: give HOST:PORT, such as 127.0.0.1:8000, or unix:///PATH", addr)
	}
	switch name { // every address, so loopback too
	case "", "0.0.0.0":
		name = "127.0.0.1"
	case "::":
		name = "::1"
	}
	return net.JoinHostPort(name, port), nil, nil
}

// readiness returns the answer of a service that accepts calls, in one line.
func readiness(ctx context.Context, transport *http.Transport, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return "", fmt.Errorf("%s cannot be reached: is the service running there, and with TLS as asked for? (%w)", address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	const longest = 4 << 10
	body, err := io.ReadAll(io.LimitReader(answer.Body, longest))
	text := cmp.Or(strings.Join(strings.Fields(string(body)), " "), "nothing")
	if answer.StatusCode != http.StatusOK || err != nil {
		return "", fmt.Errorf("%s answered %s: %s", address, answer.Status, text)
	}
	return text, nil
}
