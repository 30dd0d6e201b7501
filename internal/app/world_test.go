package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns the defaults with some flags.
func parse(flags ...string) (app.Config, error) {
	var c app.Config
	parser, err := kong.New(&c, kong.Resolvers(app.FileResolver()))
	if err != nil {
		return c, err
	}
	_, err = parser.Parse(append([]string{"--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--data-dir=/dev/null/none"}, flags...))
	return c, err
}

func settings(t *testing.T, flags ...string) app.Config {
	t.Helper()
	c, err := parse(flags...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// buffer is a log that tests can read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// world is the whole service and a simulated model, in memory.
type world struct {
	app    *app.App
	sim    *llmsim.Server
	client *credenza.Client
	log    *buffer
	grpc   *testkit.Pipe
	web    *testkit.Pipe
}

// dial returns a client with a connection of its own.
func (w *world) dial(t *testing.T, options ...credenza.Option) *credenza.Client {
	t.Helper()
	options = append([]credenza.Option{
		credenza.WithPlaintext(), credenza.WithTokenOverPlaintext(),
		credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.grpc.DialContext(ctx, "", "") }),
	}, options...)
	client, err := credenza.Dial("passthrough:///memory", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// metrics returns what /metrics says.
func (w *world) metrics(t *testing.T) string {
	t.Helper()
	transport := &http.Transport{DialContext: w.web.DialContext, DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport}).Get("http://memory/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// build starts a world inside a synctest bubble.
func build(t *testing.T, sim llmsim.Config, flags ...string) *world {
	t.Helper()
	return buildWith(t, app.Options{}, sim, flags...)
}

// buildWith does the same with options of which it sets the connections.
func buildWith(t *testing.T, options app.Options, sim llmsim.Config, flags ...string) *world {
	t.Helper()
	w := &world{log: &buffer{}}
	var err error
	var model *testkit.Local
	w.sim, model = testkit.ServeSim(t, sim)
	flags = append([]string{"--openai-base-url=" + model.URL + "/v1", "--openai-api-key=sk-0123456789secret"}, flags...)
	pipes := []*testkit.Pipe{testkit.NewPipe(), testkit.NewPipe()}
	w.grpc, w.web = pipes[0], pipes[1]
	options.LogTo, options.Model, options.Data = w.log, model.Client.Transport, app.DataNone
	options.Listen = func(context.Context, string) (net.Listener, error) {
		p := pipes[0]
		pipes = pipes[1:]
		return p, nil
	}
	w.app, err = app.Start(t.Context(), settings(t, flags...), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.app.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	w.client = w.dial(t)
	return w
}

// goods returns n items; f may change them.
func goods(n int, f func(i int, it *credenza.Item)) []credenza.Item {
	items := make([]credenza.Item, n)
	for i := range items {
		items[i] = credenza.Item{ID: fmt.Sprint("id-", i), ProductName: fmt.Sprint("oak chair ", i)}
		if f != nil {
			f(i, &items[i])
		}
	}
	return items
}
