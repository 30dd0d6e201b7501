package llm_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

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
	long := apiErr("context_length_exceeded", "'max_completion_tokens' is too large: 600. This model's context has 512 tokens, longer ones are not supported")
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
	named := apiErr("", "This model's maximum context length is 512 tokens; 600 are in the response_format schemas, which is not supported")
	inBubble(t, llm.Config{}, &server{script: []answer{{status: 400, body: named}, {}}}, one, func(t *testing.T, b *bench) {
		_, err := b.Ask(t.Context(), sofa())
		checkEnd(t, err, fault.UpstreamRejected, "context length")
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		if !has(b.server.requests()[1], "response_format") {
			t.Error("the schema was given up")
		}
	})
}

// TestModeratedItemCostsNoKey: gateways answer 403 for what they will not pass on.
func TestModeratedItemCostsNoKey(t *testing.T) {
	flagged := answer{status: 403, body: apiErr("", "Your input was flagged by moderation")}
	inBubble(t, llm.Config{}, &server{script: []answer{flagged, {}}}, one, func(t *testing.T, b *bench) {
		_, err := b.Ask(t.Context(), sofa())
		checkEnd(t, err, fault.Refused, "flagged")
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Errorf("the key was retired: %v", err)
		}
	})
}

func TestCallsInFlightAreCounted(t *testing.T) {
	inBubble(t, llm.Config{}, &server{script: []answer{{}}}, one, func(t *testing.T, b *bench) {
		var peak catalog.Peak
		q := sofa()
		q.Calls = &peak
		if _, err := b.Ask(t.Context(), q); err != nil || peak.Most() != 1 {
			t.Errorf("%d calls at once, %v", peak.Most(), err)
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
