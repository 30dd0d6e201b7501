package llm_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// models asks a server for its list.
func models(t *testing.T, base string, settings llm.Settings, f transportFunc) (*llm.ModelList, error) {
	t.Helper()
	c, err := llm.New(llm.Config{Model: "m", Settings: settings, Transport: f}, newGate(t, base, 1, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	return c.Models(t.Context(), llm.Target{Group: "group 1", BaseURL: base, Model: "m"}, testKey)
}

func answered(status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestModels_AsksAsQuestionsAreAsked(t *testing.T) {
	for base, want := range map[string]string{
		"http://a":                              "/models?v=7 /v1/models?v=7",
		"http://a/v1/":                          "/v1/models?v=7 /models?v=7",
		"http://a/x/v1/chat/completions?page=2": "/x/v1/models?page=2&v=7",
		"http://a/v1?v=6":                       "/v1/models?v=6 /models?v=6",
	} {
		var asked []string
		settings := llm.Settings{Auth: llm.AuthAPIKey, Query: map[string]string{"v": "7"}, Headers: map[string]string{"X-Team": "t"}}
		_, err := models(t, base, settings, func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet || r.Header.Get("Api-Key") != testKey || r.Header.Get("Authorization") != "" || r.Header.Get("X-Team") != "t" {
				t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			if asked = append(asked, r.URL.RequestURI()); len(asked) == 2 {
				return answered(200, `{"data":[]}`)
			}
			return answered(404, "")
		})
		if got := strings.Join(asked, " "); got != want {
			t.Errorf("%s: asked %s, want %s (%v)", base, got, want, err)
		}
	}
}

func TestModels_TakesFiveSecondsAtMost(t *testing.T) {
	for name, f := range map[string]transportFunc{
		"no answer": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"slow answers": func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(3 * time.Second):
				return answered(404, "")
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				list, err := models(t, "http://a", llm.Settings{}, f)
				if took := time.Since(began); list != nil || err == nil || took > 5*time.Second {
					t.Errorf("got %v, %v after %v", list, err, took)
				}
			})
		})
	}
}

func TestModels_SaysWhyThereAreNone(t *testing.T) {
	for body, want := range map[string]fault.Reason{`{"error":{"message":"no such key","code":"invalid_api_key"}}`: fault.UpstreamAuth, "": fault.UpstreamAuth} {
		_, err := models(t, "http://a/v1", llm.Settings{}, func(*http.Request) (*http.Response, error) { return answered(401, body) })
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Reason != want {
			t.Errorf("%s: got %v", body, err)
		}
	}
}
