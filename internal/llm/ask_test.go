package llm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

var update = flag.Bool("update", false, "write the golden files anew")

var one = []string{testKey}

func TestAskAnswers(t *testing.T) {
	script := []answer{{body: completion(good, "", 0.9)}}
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		got, err := b.Ask(t.Context(), sofa())
		if err != nil {
			t.Fatal(err)
		}
		p := newPrompt(t)
		want := catalog.Answer{
			Verdict: catalog.Verdict{
				// "SOFA" begins and ends in the middle of tokens of three bytes.
				Category: "SOFA", Confidence: 0.9 * 0.9, ConfidenceSource: catalog.FromLogprobs,
				PrimaryStyle: "MODERN", StyleTags: []string{"grey", "wool", "low"},
				PlacementTags: []string{"living room", "lounge"}, Reasoning: "A sofa.", Evidence: catalog.EvidenceText,
			},
			Trace: catalog.Trace{
				Attempts: 1, Backend: "openai", Model: "test-model", Taxonomy: "t-1", PromptVersion: p.Version(),
				Usage: catalog.Usage{Prompt: 1200, CachedPrompt: 1024, Completion: 80},
			},
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y float64) bool { return math.Abs(x-y) < 1e-9 })); diff != "" {
			t.Errorf("answer differs (-want +got):\n%s", diff)
		}
		r := b.server.requests()[0]
		if r.path != "/v1/chat/completions" || r.authorization != "Bearer "+testKey {
			t.Errorf("called %s with %q", r.path, r.authorization)
		}
	})
}

func TestRequestsAreGolden(t *testing.T) {
	tests := map[string]catalog.Question{
		"request_text.json": sofa(),
		"request_picture.json": {
			Item:    &catalog.Item{Name: "sofa", Description: "left out with a picture"},
			Picture: &catalog.Picture{Data: []byte{0xff, 0xd8, 0xff, 0xe0, 1, 2, 3}, MediaType: "image/jpeg"},
			Model:   `odd "model"`,
		},
	}
	for name, q := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{Detail: llm.DetailLow}, &server{script: []answer{{}}}, one, func(t *testing.T, b *bench) {
				got, err := b.Ask(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if picture := got.Verdict.Evidence == catalog.EvidencePicture; picture != (q.Picture != nil) {
					t.Errorf("evidence %v", got.Verdict.Evidence)
				}
				var out bytes.Buffer
				if err := json.Indent(&out, b.server.requests()[0].raw, "", " "); err != nil {
					t.Fatal(err)
				}
				compareGolden(t, name, out.Bytes())
			})
		})
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run the test with -update:\n%s", path, diff)
	}
}

// TestEveryEnd is the table of what can come back, and what becomes of it.
func TestEveryEnd(t *testing.T) {
	status := func(code int) answer { return answer{status: code, body: apiErr("", "some words")} }
	type row struct {
		script []answer
		want   fault.Reason // 0: a verdict
		calls  int
		says   string
	}
	tests := map[string]row{
		"400":                {[]answer{status(400)}, fault.UpstreamRejected, 1, "400: some words"},
		"401":                {[]answer{status(401)}, fault.UpstreamAuth, 1, "6789"},
		"402":                {[]answer{status(402)}, fault.QuotaExhausted, 1, "6789"},
		"403":                {[]answer{status(403)}, fault.UpstreamAuth, 1, "6789"},
		"404":                {[]answer{status(404)}, fault.UpstreamRejected, 1, "404: some words"},
		"408":                {[]answer{status(408)}, fault.UpstreamTimeout, 4, "408"},
		"409":                {[]answer{status(409)}, fault.UpstreamUnavailable, 4, "409"},
		"413":                {[]answer{status(413)}, fault.UpstreamRejected, 1, "413"},
		"422":                {[]answer{status(422)}, fault.UpstreamRejected, 1, "422: some words"},
		"500":                {[]answer{status(500)}, fault.UpstreamUnavailable, 4, "500"},
		"502 with a page":    {[]answer{{status: 502, body: "<html>Bad Gateway</html>"}}, fault.UpstreamUnavailable, 4, "502: try again"},
		"503":                {[]answer{status(503)}, fault.UpstreamUnavailable, 4, "503"},
		"529":                {[]answer{status(529)}, fault.UpstreamUnavailable, 4, "529"},
		"302":                {[]answer{{status: 302, header: http.Header{"Location": {"http://elsewhere.test/"}}, body: "{}"}}, fault.UpstreamRejected, 1, "base URL"},
		"no quota":           {[]answer{{status: 429, body: apiErr("insufficient_quota", "pay")}}, fault.QuotaExhausted, 1, "insufficient_quota"},
		"filter":             {[]answer{{status: 400, body: apiErr("content_filter", "not this")}}, fault.Refused, 1, "not this"},
		"error with 200":     {[]answer{{body: `{"error":{"code":404,"message":"no such model"}}`}}, fault.UpstreamRejected, 1, "no such model"},
		"error without code": {[]answer{{body: `{"error":{"message":"upstream gone"}}`}}, fault.UpstreamUnavailable, 4, "upstream gone"},
		"cut connection":     {[]answer{{cut: true}}, fault.UpstreamUnavailable, 4, "broke"},
		"hang":               {[]answer{{hang: true}}, fault.UpstreamTimeout, 4, "in time"},
		"garbage":            {[]answer{{body: "\x00not json"}}, fault.MalformedAnswer, 2, "empty"},
		"prose":              {[]answer{{content: "It is a sofa."}}, fault.MalformedAnswer, 2, "no JSON object"},
		"not in taxonomy":    {[]answer{{content: strings.Replace(good, "SOFA", "CAR", 1)}}, fault.MalformedAnswer, 2, "CAR"},
		"cut off":            {[]answer{{content: good[:40], finish: "length"}}, fault.MalformedAnswer, 2, "cut off"},
		"no choices":         {[]answer{{body: `{"choices":[]}`}}, fault.MalformedAnswer, 2, ""},
		"refusal":            {[]answer{{body: `{"choices":[{"message":{"content":null,"refusal":"I can't."}}]}`}}, fault.Refused, 1, "I can't."},
		"content filter":     {[]answer{{content: good[:9], finish: "content_filter"}}, fault.Refused, 1, "declined"},
		"too long":           {[]answer{{body: strings.Repeat("x", 9<<20)}}, fault.MalformedAnswer, 2, "no end"},

		"500, then well":       {[]answer{status(500), {}}, 0, 2, ""},
		"hang, then well":      {[]answer{{hang: true}, {}}, 0, 2, ""},
		"cut, then well":       {[]answer{{cut: true}, {}}, 0, 2, ""},
		"garbage, then well":   {[]answer{{body: "{}"}, {}}, 0, 2, ""},
		"cut off, then well":   {[]answer{{content: good[:40], finish: "length"}, {}}, 0, 2, ""},
		"whole though at end":  {[]answer{{finish: "length"}}, 0, 1, ""},
		"429 ten times, well":  {append(repeat(status(429), 10), answer{}), 0, 11, ""},
		"three faults, well":   {[]answer{status(500), status(503), {cut: true}, {}}, 0, 4, ""},
		"429s are no attempts": {[]answer{status(500), status(429), status(500), status(429), status(500), status(429), {}}, 0, 7, ""},
		"fault, 2 x garbage":   {[]answer{status(500), {content: "?"}, status(500), {content: "?"}}, fault.MalformedAnswer, 4, ""},
		"content in parts":     {[]answer{{body: `{"choices":[{"message":{"content":[{"type":"text","text":` + quote(good) + `}]}}]}`}}, 0, 1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, one, func(t *testing.T, b *bench) {
				got, err := b.Ask(t.Context(), sofa())
				checkEnd(t, err, tt.want, tt.says)
				if n := len(b.server.requests()); n != tt.calls || got.Trace.Attempts != tt.calls {
					t.Errorf("%d calls, %d in the trace, want %d", n, got.Trace.Attempts, tt.calls)
				}
				if got.Trace.Backend != "openai" || got.Trace.Model != "test-model" || got.Trace.Taxonomy != "t-1" || got.Trace.PromptVersion == "" {
					t.Errorf("trace %+v", got.Trace)
				}
			})
		})
	}
}

func checkEnd(t *testing.T, err error, want fault.Reason, says string) {
	t.Helper()
	if want == 0 {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || f.Reason != want {
		t.Fatalf("error %v, want %v", err, want)
	}
	if !strings.Contains(f.Message, says) {
		t.Errorf("message %q lacks %q", f.Message, says)
	}
}

func repeat(a answer, n int) []answer {
	all := make([]answer, n)
	for i := range all {
		all[i] = a
	}
	return all
}

func quote(s string) string {
	out, _ := json.Marshal(s)
	return string(out)
}

func TestUsageAndQueueTimeAreSummed(t *testing.T) {
	script := []answer{{content: "?"}, {status: 503, header: http.Header{"Retry-After": {"3"}}, body: "{}"}, {}}
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		got, err := b.Ask(t.Context(), sofa())
		if err != nil {
			t.Fatal(err)
		}
		if want := (catalog.Usage{Prompt: 2400, CachedPrompt: 2048, Completion: 160}); got.Trace.Usage != want {
			t.Errorf("usage %+v, want %+v", got.Trace.Usage, want)
		}
		if q := got.Trace.QueueTime; q < 3*time.Second || q > 4*time.Second {
			t.Errorf("queue time %v, want the 3 s of Retry-After", q)
		}
	})
}

// TestWaits checks when the call after a failure starts.
func TestWaits(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := map[string]struct {
		first    answer
		min, max time.Duration
	}{
		"429, seconds":      {answer{status: 429, body: "{}", header: header("Retry-After", "2")}, 2 * time.Second, 2020 * time.Millisecond},
		"429, milliseconds": {answer{status: 429, body: "{}", header: header("Retry-After", "9", "retry-after-ms", "700")}, 700 * time.Millisecond, 720 * time.Millisecond},
		"429, date": {answer{status: 429, body: "{}", header: header(
			"Date", "Mon, 02 Jan 2006 15:04:05 GMT", "Retry-After", "Mon, 02 Jan 2006 15:04:08 GMT")}, 3 * time.Second, 3020 * time.Millisecond},
		"429, reset": {answer{status: 429, body: "{}", header: header(
			"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1.5s",
			"x-ratelimit-remaining-tokens", "10", "x-ratelimit-reset-tokens", "6m0s")}, 1500 * time.Millisecond, 1520 * time.Millisecond},
		"429, no word":                    {answer{status: 429, body: "{}"}, 100 * time.Millisecond, 200 * time.Millisecond},
		"429, nonsense":                   {answer{status: 429, body: "{}", header: header("Retry-After", "-5")}, 100 * time.Millisecond, 200 * time.Millisecond},
		"503, seconds":                    {answer{status: 503, body: "{}", header: header("Retry-After", "4")}, 4 * time.Second, 4020 * time.Millisecond},
		"503, no word":                    {answer{status: 503, body: "{}"}, 0, 500 * time.Millisecond},
		"an unusable reply":               {answer{content: "?"}, 0, 0},
		"a hang costs one attempt's time": {answer{hang: true}, 30 * time.Second, 30500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: []answer{tt.first, {}}}, one, func(t *testing.T, b *bench) {
				start := time.Now()
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < tt.min || took > tt.max {
					t.Errorf("took %v, want %v to %v", took, tt.min, tt.max)
				}
			})
		})
	}
}

// TestDeadline checks which reason an item has whose time is up.
func TestDeadline(t *testing.T) {
	slow := http.Header{"Retry-After": {"60"}}
	tests := map[string]struct {
		script  []answer
		full    bool // the gate has no room
		timeout time.Duration
		want    fault.Reason
		early   bool // told before the deadline
	}{
		"waiting for quota":         {[]answer{{status: 429, body: "{}"}}, false, 10 * time.Second, fault.RateLimited, true},
		"quota comes too late":      {[]answer{{status: 429, header: slow, body: "{}"}}, false, 10 * time.Second, fault.RateLimited, true},
		"waiting after 503":         {[]answer{{status: 503, header: slow, body: "{}"}}, false, 10 * time.Second, fault.UpstreamUnavailable, true},
		"in a call":                 {[]answer{{hang: true}}, false, 10 * time.Second, fault.UpstreamTimeout, false},
		"in the second call":        {[]answer{{status: 500, body: "{}"}, {hang: true}}, false, 10 * time.Second, fault.UpstreamTimeout, false},
		"in the queue":              {[]answer{{}}, true, 10 * time.Second, fault.DeadlineExceeded, false},
		"attempts before the limit": {[]answer{{hang: true}}, false, 10 * time.Minute, fault.UpstreamTimeout, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, one, func(t *testing.T, b *bench) {
				if tt.full {
					defer fill(t, b)()
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				defer cancel()
				start := time.Now()
				got, err := b.Ask(ctx, sofa())
				checkEnd(t, err, tt.want, "")
				if took := time.Since(start); took > tt.timeout || (took == tt.timeout) == tt.early {
					t.Errorf("took %v of %v", took, tt.timeout)
				}
				if tt.full && got.Trace.QueueTime != tt.timeout {
					t.Errorf("queue time %v", got.Trace.QueueTime)
				}
			})
		})
	}
}

func TestHopelessWaitSaysWhenToComeAgain(t *testing.T) {
	script := []answer{{status: 429, header: http.Header{"Retry-After": {"60"}}, body: "{}"}}
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.Ask(ctx, sofa())
		if f := fault.From(err); f.RetryAfter != time.Minute {
			t.Errorf("retry after %v, want the server's minute", f.RetryAfter)
		}
	})
}

// fill takes every slot of the gate and returns what gives them back.
func fill(t *testing.T, b *bench) (free func()) {
	t.Helper()
	var frees []func()
	for range b.gate.Limit() {
		lease, err := b.gate.Gate.Acquire(t.Context(), needOf())
		if err != nil {
			t.Fatal(err)
		}
		frees = append(frees, func() { lease.Settle(abandoned()) })
	}
	return func() {
		for _, f := range frees {
			f()
		}
	}
}

func TestCancelReturnsAtOnce(t *testing.T) {
	tests := map[string]struct {
		script []answer
		full   bool
	}{
		"in a call":      {[]answer{{hang: true}}, false},
		"in a wait":      {[]answer{{status: 503, header: http.Header{"Retry-After": {"60"}}, body: "{}"}}, false},
		"in the queue":   {[]answer{{}}, true},
		"between 429s":   {[]answer{{status: 429, body: "{}"}}, false},
		"after one hang": {[]answer{{status: 500, body: "{}"}, {hang: true}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, one, func(t *testing.T, b *bench) {
				if tt.full {
					defer fill(t, b)()
				}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				start := time.Now()
				_, err := b.Ask(ctx, sofa())
				if !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Cancelled) {
					t.Errorf("error %v, want a cancelled one", err)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("returned after %v, want 5 s", took)
				}
			})
		})
	}
}

func TestKeysMoveOn(t *testing.T) {
	keys := []string{"sk-dead-aaaaaaaaaaaa", "sk-poor-bbbbbbbbbbbb", testKey}
	s := &server{script: []answer{{}}, byKey: map[string]answer{
		authorized(keys[0]): {status: 401, body: apiErr("invalid_api_key", "Incorrect API key provided: "+keys[0])},
		authorized(keys[1]): {status: 429, body: apiErr("insufficient_quota", "You exceeded your current quota")},
	}}
	inBubble(t, llm.Config{MaxAttempts: 1}, s, keys, func(t *testing.T, b *bench) {
		for i := range 5 {
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatalf("item %d: %v", i, err)
			}
		}
		if n := len(s.requests()); n != 7 {
			t.Errorf("%d calls for 5 items, want one wasted on each bad key", n)
		}
	})
}

func TestNoKeyIsSentWhereThereIsNone(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-from-the-environment")
	t.Setenv("OPENAI_BASE_URL", "http://environment.test/")
	inBubble(t, llm.Config{}, &server{script: []answer{{}}}, nil, func(t *testing.T, b *bench) {
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		if got := b.server.requests()[0].authorization; got != "" {
			t.Errorf("authorization %q was sent", got)
		}
	})
}

func TestNeeds(t *testing.T) {
	script := []answer{{status: 503, header: http.Header{"Retry-After": {"2"}}, body: "{}"}, {}}
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		start := time.Now()
		q := sofa()
		q.Priority, q.Model = catalog.Bulk, "asked-model"
		if _, err := b.Ask(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		first, second := b.gate.needs[0], b.gate.needs[1]
		if first.Attempt != 1 || second.Attempt != 2 || !first.NotBefore.IsZero() || second.NotBefore.Before(start.Add(2*time.Second)) {
			t.Errorf("needs %+v, %+v", first, second)
		}
		if first.Caller.ID != "caller-1" || first.Priority != catalog.Bulk || first.Model != "asked-model" {
			t.Errorf("need %+v", first)
		}
		if first.Tokens < 1200 || first.Tokens > 3000 {
			t.Errorf("estimate %d tokens", first.Tokens)
		}
		if got := b.server.requests()[0].fields["model"]; got != "asked-model" {
			t.Errorf("asked %v", got)
		}
	})
}

func TestUnusableAnswerIsAskedForWithMoreRoom(t *testing.T) {
	script := []answer{{content: good[:40], finish: "length"}, {}}
	inBubble(t, llm.Config{MaxTokens: 100}, &server{script: script}, one, func(t *testing.T, b *bench) {
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		rs := b.server.requests()
		if a, z := rs[0].fields["max_completion_tokens"], rs[1].fields["max_completion_tokens"]; a != 100.0 || z != 400.0 {
			t.Errorf("room %v, then %v", a, z)
		}
		if a, z := rs[0].fields["temperature"], rs[1].fields["temperature"]; a != 0.0 || z == 0.0 {
			t.Errorf("temperature %v, then %v: at the same one the same answer comes back", a, z)
		}
	})
}

func TestModelsThatThinkGetRoomFromThenOn(t *testing.T) {
	body := strings.Replace(completion(good, "", 0), `"usage":{`, `"usage":{"completion_tokens_details":{"reasoning_tokens":64},`, 1)
	inBubble(t, llm.Config{MaxTokens: 100}, &server{script: []answer{{body: body}}}, one, func(t *testing.T, b *bench) {
		for range 2 {
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.server.requests()[1].fields["max_completion_tokens"]; got != 400.0 {
			t.Errorf("room %v, want 400", got)
		}
	})
}

// TestLearns checks that a parameter which a server refuses is left out, for
// this item and the next, and costs no attempt.
func TestLearns(t *testing.T) {
	tests := map[string]struct {
		status        int
		body          string
		gone, instead string
	}{
		"logprobs":          {403, apiErr("", "You are not allowed to request logprobs from this model."), "logprobs", ""},
		"logprobs, FastAPI": {422, `{"detail":[{"loc":["body","logprobs"],"msg":"Extra inputs are not permitted","input":{"temperature":0}}]}`, "logprobs", "temperature"},
		"temperature":       {400, apiErr("unsupported_value", "Unsupported value: 'temperature' does not support 0 with this model."), "temperature", ""},
		"token limit":       {400, apiErr("", "Unrecognized request argument supplied: max_completion_tokens"), "max_completion_tokens", "max_tokens"},
		"schema":            {400, apiErr("", "This response_format type is unavailable now"), "json_schema", "response_format"},
		"schema, a text":    {400, `{"error":"'response_format.type' must be 'json_object' or 'text'"}`, "json_schema", "response_format"},
		"schema, vLLM":      {400, `{"object":"error","message":"json_schema is not supported","code":400}`, "json_schema", "response_format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{script: []answer{{status: tt.status, body: tt.body}, {}}}
			inBubble(t, llm.Config{MaxAttempts: 1}, s, one, func(t *testing.T, b *bench) {
				for range 2 {
					if _, err := b.Ask(t.Context(), sofa()); err != nil {
						t.Fatal(err)
					}
				}
				rs := s.requests()
				if len(rs) != 3 {
					t.Fatalf("%d calls, want 3", len(rs))
				}
				for i, r := range rs {
					if sent := bytes.Contains(r.raw, []byte(`"`+tt.gone+`"`)); sent != (i == 0) {
						t.Errorf("call %d: %s sent: %v", i+1, tt.gone, sent)
					}
				}
				if tt.instead != "" && !has(rs[1], tt.instead) {
					t.Errorf("%s is missing", tt.instead)
				}
			})
		})
	}
}

// TestLearnsEverything has a server that knows no parameter at all.
func TestLearnsEverything(t *testing.T) {
	handler := func(r request) answer {
		for _, p := range []string{"logprobs", "temperature", "response_format", "max_completion_tokens", "max_tokens"} {
			if has(r, p) {
				return answer{status: 400, body: apiErr("", "unknown field: "+p)}
			}
		}
		return answer{}
	}
	synctestAsk(t, handler, func(t *testing.T, ask func() (catalog.Answer, error)) {
		got, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if got.Trace.Attempts != 7 { // two forms of answers, two limits, two switches, and the one that works
			t.Errorf("%d calls", got.Trace.Attempts)
		}
		if got, err = ask(); err != nil || got.Trace.Attempts != 1 {
			t.Errorf("then %d calls, error %v", got.Trace.Attempts, err)
		}
	})
}

// TestNoLessonFromOneItem: a question that is too long says nothing of the next.
func TestNoLessonFromOneItem(t *testing.T) {
	long := apiErr("context_length_exceeded", "'max_completion_tokens' is too large: 600. This model's maximum context length is 512 tokens")
	inBubble(t, llm.Config{}, &server{script: []answer{{status: 400, body: long}, {}}}, one, func(t *testing.T, b *bench) {
		_, err := b.Ask(t.Context(), sofa())
		checkEnd(t, err, fault.UpstreamRejected, "too large")
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		if !has(b.server.requests()[1], "max_completion_tokens") {
			t.Error("the limit was given up")
		}
	})
}

func TestServerThatContradictsItselfEnds(t *testing.T) {
	inBubble(t, llm.Config{}, &server{script: []answer{{status: 400, body: apiErr("", "logprobs temperature response_format max_tokens unsupported")}}}, one, func(t *testing.T, b *bench) {
		got, err := b.Ask(t.Context(), sofa())
		checkEnd(t, err, fault.UpstreamRejected, "")
		if got.Trace.Attempts > 9 {
			t.Errorf("%d calls", got.Trace.Attempts)
		}
	})
}

// TestSecretsNeverShow has servers that quote the key, and addresses that hold one.
func TestSecretsNeverShow(t *testing.T) {
	quoting := fmt.Sprintf("key %s, header Authorization: Bearer %s, other sk-proj-abcdefghijkl", testKey, testKey)
	for _, status := range []int{400, 401, 403, 404, 408, 422, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: []answer{{status: status, body: apiErr("bad "+testKey, quoting)}}}, one, func(t *testing.T, b *bench) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				_, err := b.Ask(ctx, sofa())
				checkSecret(t, err)
			})
		})
	}
	t.Run("refusal", func(t *testing.T) {
		body := `{"choices":[{"message":{"refusal":"not with ` + testKey + `"}}]}`
		inBubble(t, llm.Config{}, &server{script: []answer{{body: body}}}, one, func(t *testing.T, b *bench) {
			_, err := b.Ask(t.Context(), sofa())
			checkSecret(t, err)
		})
	})
	t.Run("address", func(t *testing.T) {
		g := newGate(t, "http://user:"+testKey+"@127.0.0.1:1/v1?api-key="+testKey, 1, testKey)
		c, err := llm.New(llm.Config{Model: "m", MaxAttempts: 1}, g, newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Ask(t.Context(), sofa())
		checkEnd(t, err, fault.UpstreamUnavailable, "cannot be reached")
		checkSecret(t, err)
	})
}

func checkSecret(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, part := range []string{testKey, "test-secret", "sk-proj-abc"} {
			if strings.Contains(text, part) {
				t.Fatalf("%q is in the error: %s", part, text)
			}
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	handler := func(r request) answer {
		if has(r, "logprobs") {
			return answer{status: 400, body: apiErr("", "logprobs is not supported")}
		}
		return answer{}
	}
	synctestAsk(t, handler, func(t *testing.T, ask func() (catalog.Answer, error)) {
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := ask(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestNewRefuses(t *testing.T) {
	p, g := newPrompt(t), newGate(t, baseURL, 1)
	tests := map[string]llm.Config{
		"no model":       {},
		"negative time":  {Model: "m", AttemptTimeout: -1},
		"negative tries": {Model: "m", MaxAttempts: -1},
		"negative room":  {Model: "m", MaxTokens: -1},
		"too warm":       {Model: "m", Temperature: 2.1},
		"not a number":   {Model: "m", Temperature: math.NaN()},
		"detail":         {Model: "m", Detail: "medium"},
	}
	for name, c := range tests {
		if _, err := llm.New(c, g, p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := llm.New(llm.Config{Model: "m"}, nil, p); err == nil {
		t.Error("no gate: no error")
	}
	if _, err := llm.New(llm.Config{Model: "m"}, g, nil); err == nil {
		t.Error("no prompt: no error")
	}
}
