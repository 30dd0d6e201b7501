package llm_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/credenza-dev/credenza/internal/llm"
)

// TestRedirect_SeeOther has a server that answers a long call with an address, at which the
// answer is fetched and the question not asked again.
func TestRedirect_SeeOther(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
		mu.Unlock()
		switch {
		case r.Method == http.MethodPost:
			w.Header().Set("Location", "?call=1")
			w.WriteHeader(http.StatusSeeOther)
		case len(body) > 0 || r.URL.Query().Get("call") == "":
			w.WriteHeader(http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, completion(good, "", 0))
		}
	}))
	defer s.Close()
	askAt(t, s.URL+"/v1", s.Client().Transport)
	const path = " /v1/chat/completions"
	want := []string{"POST" + path + " Bearer " + testKey, "GET" + path + "?call=1 Bearer " + testKey}
	if !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}

// TestRedirect_ToTLS has an http address of a port that wants TLS, which the server says.
func TestRedirect_ToTLS(t *testing.T) {
	calls := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = io.WriteString(w, completion(good, "", 0))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	askAt(t, "http://"+strings.TrimPrefix(s.URL, "https://")+"/v1", s.Client().Transport)
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

// askAt asks one question at an address.
func askAt(t *testing.T, base string, transport http.RoundTripper) {
	t.Helper()
	c, err := llm.New(llm.Config{Model: "m", Transport: transport}, newGate(t, base, 4, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ask(t.Context(), sofa()); err != nil {
		t.Error(err)
	}
}
