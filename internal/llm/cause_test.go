package llm_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// TestOutage_CauseIsShortAndSafe asks servers that are away until the gate knows it,
// and looks at what it says of them.
func TestOutage_CauseIsShortAndSafe(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	closed := plain.URL
	plain.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "sk-secret is overloaded", http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"message":"model requires more memory than is available"}}`, http.StatusInternalServerError)
	}))
	t.Cleanup(full.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // without this the server does not notice that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	for cause, base := range map[string]string{
		"connection refused":        closed,
		"TLS certificate not valid": untrusted.URL,
		"503 Service Unavailable":   busy.URL,
		"no answer within 1s":       silent.URL,
		"500 Internal Server Error: model requires more memory than is available": full.URL,
		"no such host": "http://nowhere.invalid",
	} {
		t.Run(cause, func(t *testing.T) {
			t.Parallel()
			gate, err := upstream.New(upstream.Config{Fixed: 20, Groups: []upstream.Group{
				{BaseURL: base + "/v1?sig=hidden", Keys: []upstream.Key{{Secret: upstream.NewSecret("sk-secret")}}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			client, err := llm.New(llm.Config{Model: "m", AttemptTimeout: 500 * time.Millisecond}, gate, newPrompt(t))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var asking sync.WaitGroup
			defer asking.Wait()
			defer cancel()
			for range 10 {
				asking.Go(func() { _, _ = client.Ask(ctx, catalog.Question{Item: &catalog.Item{Name: "sofa"}}) })
			}
			waitForOutage(t, gate, strings.SplitN(base, "//", 2)[1], cause)
		})
	}
}

func waitForOutage(t *testing.T, gate *upstream.Gate, host, cause string) {
	t.Helper()
	_, changed := gate.Outage("m")
	select {
	case <-changed:
	case <-time.After(20 * time.Second):
		t.Fatal(errors.New("no outage was told"))
	}
	o, _ := gate.Outage("m")
	if o == nil || o.Host != host || o.Cause != cause {
		t.Errorf("told %+v, want %q of %q", o, cause, host)
	}
}
