package llm_test

import (
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

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
