package llm_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `{"category":"SOFA","confidence":0.9,"primary_style":"MODERN","secondary_style":null,` +
	`"style_tags":["grey","wool","low"],"placement_tags":["living room","lounge"],"reasoning":"A sofa."}`

func newPrompt(tb testing.TB) *prompt.Prompt {
	tb.Helper()
	p, err := prompt.New(&taxonomy.Taxonomy{
		Version:    "t-1",
		Categories: []taxonomy.Category{{Name: "SOFA"}, {Name: "STORAGE"}, {Name: "OTHER"}},
		Styles:     []taxonomy.Style{{Name: "MODERN"}, {Name: "RUSTIC"}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// answer is one reply of the scripted server. The zero value is a good answer.
type answer struct {
	status  int
	header  http.Header
	body    string // whole body; empty: a completion of content
	content string
	finish  string
	hang    bool // never answers
	after   time.Duration
	cut     bool // closes the connection in the middle
}

func (a answer) serve(w http.ResponseWriter, r *http.Request) {
	if a.hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	select {
	case <-time.After(a.after):
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
	for key, values := range a.header {
		w.Header()[http.CanonicalHeaderKey(key)] = values
	}
	body := a.body
	if body == "" {
		content := a.content
		if content == "" {
			content = good
		}
		body = completion(content, a.finish, 0)
	}
	if a.cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+100))
	}
	w.Header().Set("Content-Type", "application/json")
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, body)
	if a.cut {
		panic(http.ErrAbortHandler)
	}
}

// completion wraps content as a server does, in tokens of three bytes if p is
// over 0, each of probability p.
func completion(content, finish string, p float64) string {
	if finish == "" {
		finish = "stop"
	}
	choice := map[string]any{
		"index": 0, "finish_reason": finish,
		"message": map[string]any{"role": "assistant", "content": content, "refusal": nil},
	}
	if p > 0 {
		var tokens []map[string]any
		for i := 0; i < len(content); i += 3 {
			token := content[i:min(i+3, len(content))]
			bytes := []int{}
			for _, b := range []byte(token) {
				bytes = append(bytes, int(b))
			}
			tokens = append(tokens, map[string]any{"token": token, "logprob": math.Log(p), "bytes": bytes, "top_logprobs": []any{}})
		}
		choice["logprobs"] = map[string]any{"content": tokens, "refusal": nil}
	}
	out, _ := json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "served-model",
		"choices": []any{choice},
		"usage": map[string]any{
			"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
			"prompt_tokens_details": map[string]any{"cached_tokens": 1024},
		},
	})
	return string(out)
}

func apiErr(code, message string) string {
	out, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "code": code, "type": "some_error", "param": nil}})
	return string(out)
}

// request is what the server saw of one call.
type request struct {
	path, authorization string
	raw                 []byte
	fields              map[string]any
}

// server answers calls by a script, the last entry again and again, and keeps
// what it was asked.
type server struct {
	mu     sync.Mutex
	script []answer
	byKey  map[string]answer // an Authorization header's own answer
	seen   []request
	// answerTo answers by what is asked, in place of the script.
	answerTo func(request) answer
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	req := request{path: r.URL.Path, authorization: r.Header.Get("Authorization"), raw: raw}
	_ = json.Unmarshal(raw, &req.fields)
	s.mu.Lock()
	s.seen = append(s.seen, req)
	var next answer
	if s.answerTo != nil {
		next = s.answerTo(req)
	} else {
		next = s.script[min(len(s.seen), len(s.script))-1]
	}
	if own, ok := s.byKey[req.authorization]; ok {
		next = own
	}
	s.mu.Unlock()
	next.serve(w, r)
}

func (s *server) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.seen...)
}

// gate is the real one, and keeps the needs that it was asked for.
type gate struct {
	*upstream.Gate
	mu    sync.Mutex
	needs []upstream.Need
}

func (g *gate) Acquire(ctx context.Context, n upstream.Need) (*upstream.Lease, error) {
	g.mu.Lock()
	g.needs = append(g.needs, n)
	g.mu.Unlock()
	return g.Gate.Acquire(ctx, n)
}

const baseURL = "http://model.test/v1"

func newGate(tb testing.TB, base string, limit int, keys ...string) *gate {
	tb.Helper()
	if len(keys) == 0 {
		keys = []string{""}
	}
	c := upstream.Config{Fixed: limit, HedgeShare: 0.5}
	for _, k := range keys {
		c.Groups = append(c.Groups, upstream.Group{BaseURL: base, Keys: []upstream.Key{{Secret: upstream.NewSecret(k)}}})
	}
	g, err := upstream.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return &gate{Gate: g}
}

// bench is a client, its gate and the server behind it, in a bubble of time of
// their own.
type bench struct {
	*llm.Client
	gate   *gate
	server *server
	// cancelled is told of each call that was cut off, before the client hears.
	cancelled func()
}

const testKey = "sk-test-secret-0123456789"

// inBubble runs f against a real HTTP server on connections in memory, where
// waiting costs no time.
func inBubble(t *testing.T, c llm.Config, s *server, keys []string, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := newMemory()
		web := &http.Server{Handler: s, ErrorLog: nil}
		done := make(chan error, 1)
		go func() { done <- web.Serve(listener) }()
		b := &bench{server: s, cancelled: func() {}}
		c.Transport = &watched{&http.Transport{DialContext: listener.dial, MaxIdleConnsPerHost: 64}, b}
		if c.Model == "" {
			c.Model = "test-model"
		}
		g := newGate(t, baseURL, 32, keys...)
		client, err := llm.New(c, g, newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		b.Client, b.gate = client, g
		f(t, b)
		if used := g.Status().InFlight; used != 0 {
			t.Errorf("%d leases were not settled", used)
		}
		client.Close()
		_ = web.Close()
		<-done
		synctest.Wait()
	})
}

// watched tells of calls that are cut off.
type watched struct {
	*http.Transport
	bench *bench
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.Transport.RoundTrip(r)
	if r.Context().Err() != nil {
		w.bench.cancelled()
	}
	return res, err
}

// memory is a listener on net.Pipe connections.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func sofa() catalog.Question {
	return catalog.Question{
		Item:   &catalog.Item{Name: "Nordhem 3-seat \"sofa\"", Type: "sofa", Description: "Grey wool\\polyester, größe 220 cm."},
		Caller: catalog.Caller{ID: "caller-1"},
	}
}

func has(r request, field string) bool {
	_, ok := r.fields[field]
	return ok
}

func authorized(key string) string { return strings.TrimSpace("Bearer " + key) }

// synctestAsk is inBubble with a server that answers by what it is asked.
func synctestAsk(t *testing.T, answerTo func(request) answer, f func(t *testing.T, ask func() (catalog.Answer, error))) {
	t.Helper()
	s := &server{answerTo: answerTo}
	inBubble(t, llm.Config{}, s, []string{testKey}, func(t *testing.T, b *bench) {
		f(t, func() (catalog.Answer, error) { return b.Ask(t.Context(), sofa()) })
	})
}

func needOf() upstream.Need { return upstream.Need{Model: "test-model"} }

func abandoned() upstream.Result { return upstream.Result{Outcome: upstream.Abandoned} }

func dataURL(p *catalog.Picture) string {
	return "data:" + p.MediaType + ";base64," + base64.StdEncoding.EncodeToString(p.Data)
}
