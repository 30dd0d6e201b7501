package llmsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestStats(t *testing.T) {
	config := llmsim.Config{
		Latency: llmsim.Latency{Median: 400 * time.Millisecond},
		Keys: []llmsim.Key{
			{Secret: "sk-good-1111"},
			{Secret: "sk-dead-2222", State: "revoked"},
			{Secret: "sk-tiny-3333", Group: "tiny"},
		},
		Groups: map[string]llmsim.Quota{"tiny": {Requests: llmsim.Limit{Amount: 1, Per: time.Hour}}},
	}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		for _, step := range []struct{ key, text string }{
			{"sk-good-1111", "a"},
			{"sk-good-1111", "b"},
			{"sk-good-1111", "a"},
			{"sk-good-1111", "sim:cut"},
			{"sk-dead-2222", "a"},
			{"sk-tiny-3333", "c"},
			{"sk-tiny-3333", "d"},
			{"sk-good-1111", "sim:503x1"},
		} {
			_, _ = c.ask(params(step.text), option.WithAPIKey(step.key))
		}
		got := sim.Stats()
		if got.Calls != 8 || sim.Calls() != 8 || got.Succeeded != 4 || got.Flawed != 1 || got.Throttled != 1 {
			t.Errorf("calls %d, succeeded %d, flawed %d, throttled %d", got.Calls, got.Succeeded, got.Flawed, got.Throttled)
		}
		if want := map[string]int64{"200": 5, "401": 1, "429": 1, "503": 1}; fmt.Sprint(got.ByStatus) != fmt.Sprint(want) {
			t.Errorf("by status %v, want %v", got.ByStatus, want)
		}
		// a, b, sim:cut, c, d, sim:503x1; the revoked key's message is not counted, and
		// what the quota refused is asked and not paid.
		if want := (llmsim.Messages{Distinct: 6, ExtraAsked: 1, ExtraPaid: 1}); got.Messages != want {
			t.Errorf("messages %+v, want %+v", got.Messages, want)
		}
		if got.Latency.Mean != 400*time.Millisecond || got.Latency.Count != 5 || got.Latency.Max != 400*time.Millisecond {
			t.Errorf("latency %+v", got.Latency)
		}
		if got.Period != 2*time.Second || got.PeakInFlight != 1 {
			t.Errorf("period %v, peak %v", got.Period, got.PeakInFlight)
		}
		// One call at a time, each 200 takes 0.4 s and the others no time.
		if fmt.Sprint(got.ServedPerSecond) != "[2 2 1]" {
			t.Errorf("served %v", got.ServedPerSecond)
		}
		if fmt.Sprint(got.ServedPerTenth) != "[0 0 0 0 1 0 0 0 1 0 0 0 1 0 0 0 1 0 0 0 1]" {
			t.Errorf("served %v", got.ServedPerTenth)
		}
		good, dead, tiny := got.Keys[0], got.Keys[1], got.Keys[2]
		if good.Key != "...1111" || good.Succeeded != 3 || good.Calls != 5 || good.Tokens == 0 {
			t.Errorf("good key %+v", good)
		}
		if dead.Denied != 1 || dead.State != "revoked" || dead.Tokens != 0 {
			t.Errorf("dead key %+v", dead)
		}
		if tiny.Throttled != 1 || tiny.Group != "tiny" || tiny.Calls != 2 {
			t.Errorf("tiny key %+v", tiny)
		}
	})
}

func TestStatsByHTTP(t *testing.T) {
	bubble(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}}, func(t *testing.T, sim *llmsim.Server, c client) {
		_, _ = c.ask(params("a"))
		ended := make(chan error)
		go func() {
			_, err := c.ask(params("b"))
			ended <- err
		}()
		synctest.Wait()
		read := func() (s llmsim.Stats) {
			response, err := c.http.Get(c.root + "/stats")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		if got := read(); fmt.Sprint(got) != fmt.Sprint(sim.Stats()) || got.Succeeded != 1 || got.Keys[0].Succeeded != 1 {
			t.Errorf("over HTTP %+v, here %+v", got, sim.Stats())
		}
		tick(500 * time.Millisecond)
		response, err := c.http.Post(c.root+"/stats/reset", "", nil)
		if err != nil || response.StatusCode != http.StatusNoContent {
			t.Fatal(response, err)
		}
		_ = response.Body.Close()
		if got := read(); got.Calls != 0 || got.InFlight != 1 || got.Messages.Distinct != 0 || got.Keys[0].Calls != 0 {
			t.Errorf("after the reset %+v", got)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if got := read(); got.Succeeded != 1 || got.InFlight != 0 || got.Period != 500*time.Millisecond {
			t.Errorf("after the call in flight ended %+v", got)
		}
	})
}

func TestOtherEndpoints(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{}))
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/healthz", "", 200},
		{"POST", "/healthz", "", 405},
		{"GET", "/v1/models", "", 200},
		{"GET", "/openai/v1/models", "", 200},
		{"GET", "/v1/chat/completions", "", 405},
		{"GET", "/v1/embeddings", "", 404},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, 200},
		{"POST", "/v1/chat/completions", "", 400},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":`, 400},
		{"POST", "/v1/chat/completions", `{"model":"m"} {}`, 400},
		{"POST", "/v1/chat/completions", `{"model":"m"}`, 400},
		{"POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, 400},
		{"POST", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user"}]}`, 200},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{}],"response_format":{"type":"json_schema"}}`, 400},
	} {
		for _, chunked := range []bool{false, true} {
			request, err := http.NewRequestWithContext(t.Context(), test.method, c.root+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if chunked {
				request.ContentLength = -1
			}
			response, err := c.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("%s %s %s: %s, want %d", test.method, test.path, test.body, response.Status, test.want)
			}
		}
	}
}
