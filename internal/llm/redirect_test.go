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
	askAt(t, s.URL+"/v1", s.Client().Transport, 1)
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
	askAt(t, "http://"+strings.TrimPrefix(s.URL, "https://")+"/v1", s.Client().Transport, 1)
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
}

// TestRedirect_OfOneAnswerIsNoneOfTheAddress has a server that keeps each answer at an address of
// its own, which has moved for good.
func TestRedirect_OfOneAnswerIsNoneOfTheAddress(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		mu.Unlock()
		switch {
		case r.Method == http.MethodPost:
			w.Header().Set("Location", "/result/1")
			w.WriteHeader(http.StatusSeeOther)
		case r.URL.Path == "/result/1":
			w.Header().Set("Location", "/kept/1")
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			_, _ = io.WriteString(w, completion(good, "", 0))
		}
	}))
	defer s.Close()
	askAt(t, s.URL+"/v1", s.Client().Transport, 2)
	once := []string{"POST /v1/chat/completions", "GET /result/1", "GET /kept/1"}
	if want := append(once, once...); !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
}

// TestRedirect_NotByWordsOfTheQuestion has a server that quotes a product, of which the words are
// those of a port for TLS.
func TestRedirect_NotByWordsOfTheQuestion(t *testing.T) {
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"cannot parse: Client sent an HTTP request to an HTTPS server."}`)
			return
		}
		_, _ = io.WriteString(w, completion(good, "", 0))
	}))
	defer s.Close()
	askAt(t, s.URL+"/v1", s.Client().Transport, 1)
}

// askAt asks a question at an address so many times.
func askAt(t *testing.T, base string, transport http.RoundTripper, times int) {
	t.Helper()
	c, err := llm.New(llm.Config{Model: "m", Transport: transport}, newGate(t, base, 4, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range times {
		if _, err := c.Ask(t.Context(), sofa()); err != nil {
			t.Error(err)
		}
	}
}
