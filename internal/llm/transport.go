package llm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// An answer with log-probabilities has some 20 KB; servers that send without end are no
// reason to run out of memory.
const (
	maxAnswerBytes = 8 << 20
	// largeAnswer is the size in bytes above which only largeAtOnce are read at a time. The
	// others wait, at the latest until their calls' time is up.
	largeAnswer = 128 << 10
	largeAtOnce = 4
)

var errTooLong = errors.New("the answer is over 8 MiB")

// dialTimeout is how long a connection may take: two packets may be lost. A host
// that swallows packets is found out within an item's time if that is short.
const dialTimeout = 5 * time.Second

// newTransport returns a transport that keeps a connection for every call of the
// largest pool, and notices dead ones: on HTTP/2 a connection whose peer is gone
// looks like calls that hang, so it is pinged when nothing comes.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:        4096,
		MaxIdleConnsPerHost: 4096,
		IdleConnTimeout:     90 * time.Second,
		// A question is about 10 KB and an answer 20: fewer system calls.
		WriteBufferSize: 16 << 10,
		ReadBufferSize:  16 << 10,
	}
}

// stay keeps redirects from being followed: they are an answer like another, and
// a key goes nowhere but to the server that it was given for.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// bounded unpacks answers, cuts off those that are too long, and reads few large ones at once.
type bounded struct {
	next  http.RoundTripper
	large chan struct{}
}

func newBounded(next http.RoundTripper) bounded {
	return bounded{next, make(chan struct{}, largeAtOnce)}
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		body := &unpackedBody{ReadCloser: res.Body, header: res.Header}
		res.Body = &boundedBody{ReadCloser: body, large: b.large, ctx: r.Context()}
		if res.StatusCode >= http.StatusBadRequest {
			res.Body = whatCame(res.Body)
		}
	}
	return res, err
}

// whatCame returns an error's body as far as it comes: its words count although the connection
// breaks behind them, as it does if a server has refused a request before all of it had come.
func whatCame(body io.ReadCloser) io.ReadCloser {
	defer func() { _ = body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(body, maxErrorBytes))
	return io.NopCloser(bytes.NewReader(text))
}

type boundedBody struct {
	io.ReadCloser
	ctx   context.Context //nolint:containedctx // the request's, which bounds the body too
	large chan struct{}
	held  bool // a place in large
	read  int
}

// Read fails with errTooLong once more than the bound was read.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.read > largeAnswer && !b.held {
		select {
		case b.large <- struct{}{}:
			b.held = true
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	n, err := b.ReadCloser.Read(p)
	if b.read += n; b.read > maxAnswerBytes {
		return 0, errTooLong
	}
	return n, err
}

// Close gives the place back.
func (b *boundedBody) Close() error {
	if b.held {
		b.held = false
		<-b.large
	}
	return b.ReadCloser.Close()
}
