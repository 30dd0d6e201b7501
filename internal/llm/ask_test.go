package llm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/testkit"
)

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
			Classification: catalog.Classification{
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

// TestConfidences has answers whose own confidence can be used or not, with tokens that
// say something about the category or not.
func TestConfidences(t *testing.T) {
	words := strings.Replace(good, `"confidence":0.9`, `"confidence":"high"`, 1)
	for name, tt := range map[string]struct {
		body   string
		want   float64
		source catalog.ConfidenceSource
	}{
		"its own":                 {completion(good, "", 0), 0.9, catalog.FromModel},
		"of the tokens":           {completion(words, "", 0.8), 0.64, catalog.FromLogprobs},
		"none at all":             {completion(words, "", 0), 0, catalog.NoConfidence},
		"overridden, its own":     {completion(good, "", 0.01), 0.9, catalog.FromModel},
		"overridden, none at all": {completion(words, "", 0.01), 0, catalog.NoConfidence},
		"in an event stream":      {"data: " + strings.Replace(completion(words, "", 0.8), `"message"`, `"delta"`, 1) + "\n\ndata: [DONE]\n\n", 0.64, catalog.FromLogprobs},
		"among the names": {strings.Replace(completion(words, "", 0), `"message"`, `"logprobs":{"content":[{"token":"{\"category\":\"","logprob":0},`+
			`{"token":"SOFA","logprob":-2.302585093,"top_logprobs":[{"token":"Couch","logprob":-0.2},{"token":"SOFA","logprob":-2.302585093},`+
			`{"token":"OTHER","logprob":-2.995732274}]},{"token":"\"","logprob":-1}]},"message"`, 1), 2. / 3, catalog.FromLogprobs},
		"missing, and the tokens too": {completion(strings.Replace(good, `"confidence":0.9,`, "", 1), "", 0), 0, catalog.NoConfidence},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: []answer{{body: tt.body}}}, one, func(t *testing.T, b *bench) {
				got, err := b.Ask(t.Context(), sofa())
				if err != nil {
					t.Fatal(err)
				}
				if v := got.Classification; v.ConfidenceSource != tt.source || math.Abs(v.Confidence-tt.want) > 1e-6 {
					t.Errorf("confidence %v from %d, want %v from %d", v.Confidence, v.ConfidenceSource, tt.want, tt.source)
				}
			})
		})
	}
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
				if picture := got.Classification.Evidence == catalog.EvidencePicture; picture != (q.Picture != nil) {
					t.Errorf("evidence %v", got.Classification.Evidence)
				}
				var out bytes.Buffer
				if err := json.Indent(&out, b.server.requests()[0].raw, "", " "); err != nil {
					t.Fatal(err)
				}
				testkit.Golden(t, name, out.String())
			})
		})
	}
}

// TestEveryEnd is the table of what can come back, and what becomes of it.
func TestEveryEnd(t *testing.T) {
	status := func(code int) answer { return answer{status: code, body: apiErr("", "some words")} }
	loading := answer{status: 503, body: apiErr("unavailable_error", "Loading model")}
	type row struct {
		script []answer
		want   fault.Reason // 0: a classification
		calls  int
		says   string
	}
	tests := map[string]row{
		"400":                {[]answer{status(400)}, fault.UpstreamRejected, 1, "400: some words"},
		"401":                {[]answer{status(401)}, fault.UpstreamAuth, 3, "6789"},
		"402":                {[]answer{status(402)}, fault.QuotaExhausted, 1, "6789"},
		"403":                {[]answer{status(403)}, fault.UpstreamAuth, 3, "6789"},
		"404":                {[]answer{status(404)}, fault.UpstreamRejected, 4, "404: some words"},
		"408":                {[]answer{status(408)}, fault.UpstreamTimeout, 4, "408"},
		"409":                {[]answer{status(409)}, fault.UpstreamUnavailable, 4, "409"},
		"413":                {[]answer{status(413)}, fault.UpstreamRejected, 1, "413"},
		"422":                {[]answer{status(422)}, fault.UpstreamRejected, 1, "422: some words"},
		"500":                {[]answer{status(500)}, fault.UpstreamUnavailable, 4, "500"},
		"502 with a page":    {[]answer{{status: 502, body: "<html>Bad Gateway</html>"}}, fault.UpstreamUnavailable, 4, "502: try again"},
		"503":                {[]answer{status(503)}, fault.UpstreamUnavailable, 4, "503"},
		"529":                {[]answer{status(529)}, fault.UpstreamUnavailable, 4, "529"},
		"302":                {[]answer{{status: 302, header: http.Header{"Location": {"http://elsewhere.test/"}}, body: "{}"}}, fault.UpstreamRejected, 1, "OPENAI_BASE_URL"},
		"no quota":           {[]answer{{status: 429, body: apiErr("insufficient_quota", "pay")}}, fault.QuotaExhausted, 1, "429 pay (insufficient_quota)"},
		"filter":             {[]answer{{status: 400, body: apiErr("content_filter", "not this")}}, fault.Refused, 1, "not this"},
		"error with 200":     {[]answer{{body: `{"error":{"code":404,"message":"no such model"}}`}}, fault.UpstreamRejected, 4, "no such model"},
		"error without code": {[]answer{{body: `{"error":{"message":"upstream gone"}}`}}, fault.UpstreamUnavailable, 4, "upstream gone"},
		"cut connection":     {[]answer{{cut: true}}, fault.UpstreamUnavailable, 4, "broke"},
		"hang":               {[]answer{{hang: true}}, fault.UpstreamTimeout, 4, "in time"},
		"garbage":            {[]answer{{body: "\x00not json"}}, fault.MalformedAnswer, 4, "not a chat completion"},
		"prose":              {[]answer{{content: "It is a sofa."}}, fault.MalformedAnswer, 2, "no JSON object"},
		"not in taxonomy":    {[]answer{{content: strings.Replace(good, "SOFA", "CAR", 1)}}, fault.MalformedAnswer, 2, "CAR"},
		"cut off":            {[]answer{{content: good[:40], finish: "length"}}, fault.MalformedAnswer, 4, "cut off after 8000 tokens: raise CREDENZA_MAX_OUTPUT_TOKENS"},
		"no choices":         {[]answer{{body: `{"choices":[]}`}}, fault.MalformedAnswer, 4, ""},
		"refusal":            {[]answer{{body: `{"choices":[{"message":{"content":null,"refusal":"I can't."}}]}`}}, fault.Refused, 1, "I can't."},
		"content filter":     {[]answer{{content: good[:9], finish: "content_filter"}}, fault.Refused, 1, "declined"},
		"too long":           {[]answer{{body: strings.Repeat("x", 9<<20)}}, fault.MalformedAnswer, 2, "no end"},

		"401, then well":       {[]answer{status(401), {}}, 0, 2, ""},
		"403 twice, then well": {[]answer{status(403), status(403), {}}, 0, 3, ""},
		"bad key, then well":   {[]answer{{status: 401, body: apiErr("invalid_api_key", "no")}, {}}, 0, 2, ""},
		"loading, then well":   {append(repeat(loading, 20), answer{}), 0, 21, ""},
		"500, then well":       {[]answer{status(500), {}}, 0, 2, ""},
		"hang, then well":      {[]answer{{hang: true}, {}}, 0, 2, ""},
		"cut, then well":       {[]answer{{cut: true}, {}}, 0, 2, ""},
		"garbage, then well":   {[]answer{{body: "{}"}, {}}, 0, 2, ""},
		"cut off, then well":   {[]answer{{content: good[:40], finish: "length"}, {}}, 0, 2, ""},
		"whole though at end":  {[]answer{{finish: "length"}}, 0, 1, ""},
		"429 ten times, well":  {append(repeat(status(429), 10), answer{}), 0, 11, ""},
		"three faults, well":   {[]answer{status(500), status(503), {cut: true}, {}}, 0, 4, ""},
		"429 for its size":     {[]answer{{status: 429, body: apiErr("tokens", "Request too large for m on tokens per min. The input or output tokens must be reduced in order to run.")}}, fault.UpstreamRejected, 3, "must be reduced"},
		"429s are no attempts": {[]answer{status(500), status(429), status(500), status(429), status(500), status(429), {}}, 0, 7, ""},
		"mixed faults, well":   {[]answer{status(500), status(503), {cut: true}, {hang: true}, status(502), {}}, 0, 6, ""},
		"too many faults": {
			[]answer{status(500), status(503), {cut: true}, {body: "?"}, status(500), status(503), {cut: true}, {body: "?"}},
			fault.MalformedAnswer, 8, "",
		},
		"fault, 2 x garbage": {[]answer{status(500), {content: "?"}, status(500), {content: "?"}}, fault.MalformedAnswer, 4, ""},
		"content in parts":   {[]answer{{body: `{"choices":[{"message":{"content":[{"type":"text","text":` + quote(good) + `}]}}]}`}}, 0, 1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			// The first answer is good: refusals are the item's once a server has answered.
			s := &server{script: append([]answer{{}}, tt.script...)}
			inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Fatal(err)
				}
				got, err := b.Ask(t.Context(), sofa())
				checkEnd(t, err, tt.want, tt.says)
				if n := len(b.server.requests()) - 1; n != tt.calls || got.Trace.Attempts != tt.calls {
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
		t.Errorf("error %v, want %v", err, want)
		return
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

func TestNeeds(t *testing.T) {
	script := []answer{{status: 503, header: http.Header{"Retry-After": {"2"}}, body: "{}"}, {content: "?"}, {}}
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
		if third := b.gate.needs[2]; third.Attempt != 3 || !third.NotBefore.IsZero() {
			t.Errorf("after an unusable answer: need %+v", third)
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
