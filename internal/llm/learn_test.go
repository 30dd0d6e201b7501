package llm_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
		if a, z := rs[0].fields["max_completion_tokens"], rs[1].fields["max_completion_tokens"]; a != 100.0 || z != 600.0 {
			t.Errorf("room %v, then %v", a, z)
		}
	})
}

func TestModelsThatReasonGetRoomFromThenOn(t *testing.T) {
	reasoned := `"usage":{"completion_tokens_details":{"reasoning_tokens":100},`
	short := strings.Replace(completion("", "length", 0), `"usage":{`, reasoned, 1)
	whole := strings.Replace(completion(good, "", 0), `"usage":{`, reasoned, 1)
	inBubble(t, llm.Config{MaxTokens: 100}, &server{script: []answer{{body: short}, {body: whole}}}, one, func(t *testing.T, b *bench) {
		for range 2 {
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatal(err)
			}
		}
		var rooms []any
		for _, r := range b.server.requests() {
			rooms = append(rooms, r.fields["max_completion_tokens"])
		}
		if want := []any{100.0, 600.0, 600.0}; !slices.Equal(rooms, want) {
			t.Errorf("rooms %v, want %v", rooms, want)
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
		"logprobs":          {403, apiErr("", "You are not allowed to request logprobs from this model."), "logprobs", "temperature"},
		"logprobs, FastAPI": {422, `{"detail":[{"loc":["body","logprobs"],"msg":"Extra inputs are not permitted","input":{"temperature":0}}]}`, "logprobs", "temperature"},
		"logprobs, as 500":  {500, `{"message":"Out of range float values are not JSON compliant: -inf"}`, "logprobs", "response_format"},
		"temperature":       {400, apiErr("unsupported_value", "Unsupported value: 'temperature' does not support 0 with this model."), "temperature", "logprobs"},
		"token limit":       {400, apiErr("", "Unrecognized request argument supplied: max_completion_tokens"), "max_completion_tokens", "max_tokens"},
		"strict schema":     {400, `[{"error":{"code":400,"message":"Unknown name \"type\" at 'generation_config.response_schema'"}}]`, "strict", "response_format"},
		"schema":            {400, apiErr("", "This response_format type is unavailable now"), "json_schema", "response_format"},
		"schema, a text":    {400, `{"error":"'response_format.type' must be 'json_object' or 'text'"}`, "json_schema", "response_format"},
		"schema, vLLM":      {400, `{"object":"error","message":"json_schema is not supported","code":400}`, "json_schema", "response_format"},
		"in words of none":  {400, apiErr("", "Bad request"), "temperature", "response_format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{answerTo: func(r request) answer {
				if bytes.Contains(r.raw, []byte(`"`+tt.gone+`"`)) {
					return answer{status: tt.status, body: tt.body}
				}
				return answer{}
			}}
			inBubble(t, llm.Config{MaxAttempts: 2}, s, one, func(t *testing.T, b *bench) {
				for range 8 {
					if _, err := b.Ask(t.Context(), sofa()); err != nil {
						t.Fatal(err)
					}
				}
				before := len(s.requests())
				if before > 8+7 {
					t.Errorf("%d calls for 8 items", before)
				}
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Fatal(err)
				}
				rs := s.requests()
				if len(rs) != before+1 || !has(rs[before], tt.instead) {
					t.Errorf("%d calls, the last one %s", len(rs)-before, rs[before].raw)
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
		if got.Trace.Attempts > 8 {
			t.Errorf("%d calls", got.Trace.Attempts)
		}
		if got, err = ask(); err != nil || got.Trace.Attempts != 1 {
			t.Errorf("then %d calls, error %v", got.Trace.Attempts, err)
		}
	})
}

// TestNoLessonFromOneItem: a question that is too long says nothing of the next.
func TestNoLessonFromOneItem(t *testing.T) {
	for _, long := range []string{
		apiErr("context_length_exceeded", "'max_completion_tokens' is too large: 600. This model's context has 512 tokens, longer ones are not supported"),
		apiErr("", "This model's maximum context length is 512 tokens; 600 are in the response_format schemas, which is not supported"),
	} {
		s := &server{answerTo: func(r request) answer {
			if bytes.Contains(r.raw, []byte("endless")) {
				return answer{status: 400, body: long}
			}
			return answer{}
		}}
		inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
			q := sofa()
			q.Item = &catalog.Item{Name: "endless sofa"}
			_, err := b.Ask(t.Context(), q)
			checkEnd(t, err, fault.UpstreamRejected, "context")
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatal(err)
			}
			rs := s.requests()
			if last := rs[len(rs)-1]; last.fields["max_completion_tokens"] != 600.0 || !has(last, "response_format") {
				t.Errorf("something was given up: %s", last.raw)
			}
		})
	}
}

// TestSmallContextLeavesLessRoom: a server that names its context has the room fit into it.
func TestSmallContextLeavesLessRoom(t *testing.T) {
	small := apiErr("", "This model's maximum context length is 3000 tokens. However, you requested 3200 tokens (2600 in the messages, 600 in the completion).")
	s := &server{answerTo: func(r request) answer {
		if r.fields["max_completion_tokens"].(float64) > 400 {
			return answer{status: 400, body: small}
		}
		return answer{}
	}}
	inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
		for range 3 {
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(s.requests()); n != 4 {
			t.Errorf("%d calls for three items", n)
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

// TestEchoedProduct_ChangesNoMeaning has a server that quotes the question where it refuses a
// parameter: the words are the shop's, not the server's.
func TestEchoedProduct_ChangesNoMeaning(t *testing.T) {
	for _, text := range []string{
		"Decommissioned school desk, invalid model number, model not found elsewhere",
		"Bunk bed with blocked guardrail, was flagged in 2024",
		"Account balance lamp: the account is suspended from the ceiling; insufficient_quota",
		"Image of a sofa, picture not supported",
		"Too many requests chair, rate limit exceeded, loading model",
	} {
		t.Run(text, func(t *testing.T) {
			s := &server{answerTo: func(r request) answer {
				if has(r, "logprobs") {
					return answer{status: 400, body: apiErr("", "[{'type': 'extra_forbidden', 'loc': ('body', 'logprobs'), 'input': {'content': 'name: "+text+"'}}]")}
				}
				return answer{}
			}}
			inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
				q := sofa()
				q.Item = &catalog.Item{Name: text}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for range 3 {
					if _, err := b.Ask(ctx, q); err != nil {
						t.Error(err)
					}
				}
				if n := len(s.requests()); n > 3+7 {
					t.Errorf("%d calls for three items", n)
				}
			})
		})
	}
}

// TestModelThatIsRemoved_IsNotAskedForAgainAndAgain: such refusals pass, but not for ever.
func TestModelThatIsRemoved_IsNotAskedForAgainAndAgain(t *testing.T) {
	var calls int
	s := &server{answerTo: func(request) answer {
		if calls++; calls > 10 {
			return answer{status: 404, body: apiErr("model_not_found", "The model `m` does not exist")}
		}
		return answer{}
	}}
	inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
		var last error
		for range 40 {
			_, last = b.Ask(t.Context(), sofa())
		}
		checkEnd(t, last, fault.UpstreamRejected, "name a model that the server has")
		if n := len(s.requests()); n > 40+5 {
			t.Errorf("%d calls for 40 items", n)
		}
	})
}

// TestRefusalsOfAMoment_LoseNoItem has all items in flight refused once, as if the address were
// not there.
func TestRefusalsOfAMoment_LoseNoItem(t *testing.T) {
	const items = 16
	script := append([]answer{{}}, repeat(answer{status: 404, body: apiErr("", "not found")}, items)...)
	inBubble(t, llm.Config{}, &server{script: append(script, answer{})}, one, func(t *testing.T, b *bench) {
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range items {
			all.Go(func() {
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// TestRefusalOfAnAnsweringAddress_IsTheItems: the address is right, and once the server has
// answered in between, such a refusal may pass again.
func TestRefusalOfAnAnsweringAddress_IsTheItems(t *testing.T) {
	absent := answer{status: 404, body: apiErr("", "no data for this request")}
	script := append([]answer{{}}, append(repeat(absent, 5), answer{}, absent, answer{})...)
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		ask := func() error { _, err := b.Ask(t.Context(), sofa()); return err }
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // four calls, and one
			checkEnd(t, ask(), fault.UpstreamRejected, "no data for this request: change the item")
		}
		if n := len(b.server.requests()); n != 6 {
			t.Errorf("%d calls", n)
		}
		for range 2 { // one call, and two
			if err := ask(); err != nil {
				t.Error(err)
			}
		}
	})
}
