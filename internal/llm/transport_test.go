package llm_test

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

// endless answers without end, and counts what of it is held by calls in flight.
type endless struct{ held, most atomic.Int64 }

func (e *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: &endlessBody{of: e}}, nil
}

type endlessBody struct {
	of   *endless
	read int64
}

func (b *endlessBody) Read(p []byte) (int, error) {
	n := len(p) // whatever is in it
	b.read += int64(n)
	held := b.of.held.Add(int64(n))
	for {
		most := b.of.most.Load()
		if held <= most || b.of.most.CompareAndSwap(most, held) {
			break
		}
	}
	runtime.Gosched()
	return n, nil
}

func (b *endlessBody) Close() error {
	b.of.held.Add(-b.read)
	return nil
}

// TestEndlessAnswers_AreBoundedInAll has all calls of a pool answered without end.
func TestEndlessAnswers_AreBoundedInAll(t *testing.T) {
	const calls, bound = 32, 64 << 20
	e := &endless{}
	c, err := llm.New(llm.Config{Model: "m", Transport: e}, newGate(t, baseURL, calls, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			_, err := c.Ask(t.Context(), sofa())
			checkEnd(t, err, fault.MalformedAnswer, "no end")
		})
	}
	all.Wait()
	if most := e.most.Load(); most > bound {
		t.Errorf("%d MiB of answers at once, want at most %d", most>>20, bound>>20)
	}
	if held := e.held.Load(); held != 0 {
		t.Errorf("%d bytes are held by bodies that were not closed", held)
	}
}

// TestAnswers_ArePackedInAnyWay has servers and proxies that pack without being asked, or
// name another way than they used.
func TestAnswers_ArePackedInAnyWay(t *testing.T) {
	packed := func(into func(io.Writer) io.WriteCloser) string {
		var b strings.Builder
		w := into(&b)
		_, _ = io.WriteString(w, completion(good, "", 0))
		_ = w.Close()
		return b.String()
	}
	zipped := packed(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	bare := packed(func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, flate.BestSpeed); return z })
	var again strings.Builder
	w := gzip.NewWriter(&again)
	_, _ = io.WriteString(w, zipped)
	_ = w.Close()
	twice := again.String()
	stream := "data: " + completion(good, "", 0) + "\n\ndata: [DONE]\n\n"
	for name, a := range map[string]answer{
		"gzip without a name":     {body: zipped},
		"gzip by another name":    {body: zipped, header: http.Header{"Content-Encoding": {"identity"}}},
		"a name without gzip":     {header: http.Header{"Content-Encoding": {"gzip"}}},
		"deflate":                 {body: packed(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }), header: http.Header{"Content-Encoding": {"deflate"}}},
		"deflate alone":           {body: bare, header: http.Header{"Content-Encoding": {"deflate"}}},
		"a name without deflate":  {header: http.Header{"Content-Encoding": {"deflate"}}},
		"Zstandard":               {body: packed(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }), header: http.Header{"Content-Encoding": {"zstd"}}},
		"gzip twice":              {body: twice, header: http.Header{"Content-Encoding": {"gzip, gzip"}}},
		"gzip and more":           {body: zipped + "\x00more", header: http.Header{"Content-Encoding": {"gzip"}}},
		"Brotli":                  {body: packed(func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }), header: http.Header{"Content-Encoding": {"br"}}},
		"a name without Brotli":   {header: http.Header{"Content-Encoding": {"br"}}},
		"a stream without Brotli": {body: stream, header: http.Header{"Content-Encoding": {"br"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: []answer{a}}, one, func(t *testing.T, b *bench) {
				if _, err := b.Ask(t.Context(), sofa()); err != nil || len(b.server.requests()) != 1 {
					t.Errorf("%d calls: %v", len(b.server.requests()), err)
				}
			})
		})
	}
	for body, says := range map[string]string{
		"<html><h1>Access denied</h1></html>": "400: change the item", "x is not for you": "400: x is not for you", "x? no": "400: x? no",
	} {
		t.Run("plain, though called Brotli: "+body, func(t *testing.T) {
			plain := answer{status: 400, body: body, header: http.Header{"Content-Encoding": {"br"}}}
			inBubble(t, llm.Config{}, &server{script: []answer{{}, plain}}, one, func(t *testing.T, b *bench) {
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Fatal(err)
				}
				_, err := b.Ask(t.Context(), sofa())
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%v lacks %q", err, says)
				}
			})
		})
	}
	t.Run("one that is cut off is asked for again", func(t *testing.T) {
		inBubble(t, llm.Config{}, &server{script: []answer{{body: zipped[:len(zipped)/2]}, {body: zipped}}}, one, func(t *testing.T, b *bench) {
			if _, err := b.Ask(t.Context(), sofa()); err != nil || len(b.server.requests()) != 2 {
				t.Errorf("%d calls: %v", len(b.server.requests()), err)
			}
		})
	})
	t.Run("one without an end is not unpacked for ever", func(t *testing.T) {
		bomb := packed(func(w io.Writer) io.WriteCloser {
			z := gzip.NewWriter(w)
			_, _ = io.Copy(z, io.LimitReader(zeros{}, 64<<20))
			return z
		})
		inBubble(t, llm.Config{}, &server{script: []answer{{body: bomb}}}, one, func(t *testing.T, b *bench) {
			_, err := b.Ask(t.Context(), sofa())
			checkEnd(t, err, fault.MalformedAnswer, "no end")
		})
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// breaking answers, and then the connection breaks.
type breaking struct {
	status int
	body   string
	calls  atomic.Int64
}

func (b *breaking) RoundTrip(*http.Request) (*http.Response, error) {
	b.calls.Add(1)
	body := io.MultiReader(strings.NewReader(b.body), iotest.ErrReader(io.ErrUnexpectedEOF))
	return &http.Response{StatusCode: b.status, Header: http.Header{}, Body: io.NopCloser(body), ContentLength: -1}, nil
}

// ask asks one question and checks that it took one call.
func (b *breaking) ask(t *testing.T) error {
	t.Helper()
	c, err := llm.New(llm.Config{Model: "m", Transport: b}, newGate(t, baseURL, 1, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Ask(t.Context(), sofa())
	if calls := b.calls.Load(); calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	return err
}

// TestBodies_WithoutTheirEnd has servers name a length that is too large: an answer that came as
// a whole is paid for, and the words of an error count.
func TestBodies_WithoutTheirEnd(t *testing.T) {
	whole := breaking{status: http.StatusOK, body: completion(good, "", 0)}
	if err := whole.ask(t); err != nil {
		t.Error(err)
	}
	poor := breaking{status: http.StatusBadRequest, body: apiErr("", "Your credit balance is too low.")}
	checkEnd(t, poor.ask(t), fault.QuotaExhausted, "credit balance")
}
