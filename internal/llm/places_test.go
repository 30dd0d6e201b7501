package llm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

// TestAsk_TakesTheAnswerAndNoDraft has servers that put the answer into unusual places, with
// another one in a place that does not count.
func TestAsk_TakesTheAnswerAndNoDraft(t *testing.T) {
	const draft = `{"category":"OTHER","confidence":0.3,"primary_style":"RUSTIC"}`
	quoted := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	message := func(finish, members string) answer {
		return answer{body: `{"choices":[{"index":0,"message":{"role":"assistant",` + members + `},"finish_reason":"` + finish + `"}]}`}
	}
	twoCalls := message("tool_calls", `"tool_calls":[{"function":{"arguments":`+quoted(draft)+`}},{"function":{"arguments":`+quoted(good)+`}}]`)
	hm := answer{content: "Hm. <reasoning>So " + draft[:len(draft)-1] + `,"reasoning":"A`}
	for name, tt := range map[string]struct {
		script []answer
		source catalog.ConfidenceSource // 0: there is no answer
		calls  int
	}{
		"a part of thoughts":              {[]answer{message("stop", `"content":[{"type":"thinking","text":`+quoted(draft)+`},{"type":"text","text":`+quoted(good)+`}]`)}, catalog.FromModel, 1},
		"a part that is a thought":        {[]answer{message("stop", `"content":[{"thought":true,"text":`+quoted(draft)+`},{"text":`+quoted(good)+`}]`)}, catalog.FromModel, 1},
		"reasoning as well":               {[]answer{message("stop", `"reasoning":`+quoted(draft)+`,"content":`+quoted(good))}, catalog.FromModel, 1},
		"reasoning that was cut off":      {[]answer{message("length", `"content":null,"reasoning_content":`+quoted("Hm "+draft)), {}}, catalog.FromModel, 2},
		"thoughts that were cut off":      {[]answer{{content: "<think>Hm " + draft, finish: "length"}, {}}, catalog.FromModel, 2},
		"an answer as reasoning, cut off": {[]answer{message("length", `"content":null,"reasoning":`+quoted(good))}, catalog.FromModel, 1},
		"a word for nothing":              {[]answer{message("stop", `"content":"None","refusal":"None","reasoning":`+quoted(good))}, catalog.FromModel, 1},
		"the second tool call":            {[]answer{message("tool_calls", `"tool_calls":[{"function":{"arguments":"{}"}},{"function":{"arguments":`+quoted(good)+`}}]`)}, catalog.FromModel, 1},
		"two that differ, anywhere":       {[]answer{message("stop", `"content":"","a":`+quoted(draft)+`,"b":`+quoted(good)), message("stop", `"content":"","a":`+draft+`,"b":`+good)}, 0, 2},
		"thoughts of another name, cut":   {[]answer{{content: "<reasoning>Hm " + draft, finish: "length"}, {}}, catalog.FromModel, 2},
		"a channel that was cut off":      {[]answer{{content: "<|channel|>analysis<|message|>Hm " + draft, finish: "length"}, {}}, catalog.FromModel, 2},
		"details of thoughts, cut off":    {[]answer{message("length", `"content":null,"reasoning_details":[{"text":`+quoted("Hm "+draft)+`}]`), {}}, catalog.FromModel, 2},
		"thoughts that end twice":         {[]answer{hm, hm, {}}, catalog.FromModel, 3},
		"two tool calls that differ":      {[]answer{twoCalls, twoCalls}, 0, 2},
		"thoughts in an unknown form":     {[]answer{{body: `{"output":[{"type":"reasoning","summary":[{"text":` + quoted(draft) + `}]},{"thinking":` + quoted(draft) + `,"text":` + quoted(good) + `}]}`}}, catalog.FromModel, 1},
		"the question in an unknown form": {[]answer{{body: `{"prompt":` + quoted(draft) + `,"messages":[{"role":"user","content":` + quoted(draft) + `},{"role":"assistant","content":` + quoted(good) + `}]}`}}, catalog.FromModel, 1},
		"two that agree, anywhere":        {[]answer{message("stop", `"content":"","a":`+good+`,"b":`+quoted(good))}, catalog.FromModel, 1},
		"a body in a body":                {[]answer{{body: `{"statusCode":200,"body":` + quoted(completion(good, "", 0)) + `}`}}, catalog.FromModel, 1},
		"lists of the older API":          {[]answer{{body: `{"choices":[{"text":` + quoted(good) + `,"logprobs":{"tokens":["{\"category\":\"SO","FA\"",null],"token_logprobs":[-0.1,-0.2]},"finish_reason":"stop"}]}`}}, catalog.FromLogprobs, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{script: append(tt.script, tt.script[len(tt.script)-1])}
			inBubble(t, llm.Config{}, s, []string{testKey}, func(t *testing.T, b *bench) {
				a, err := b.Ask(t.Context(), sofa())
				switch v := a.Classification; {
				case tt.source == 0:
					checkEnd(t, err, fault.MalformedAnswer, "differ")
				case err != nil, v.Category != "SOFA", v.ConfidenceSource != tt.source:
					t.Errorf("%+v, %v", v, err)
				}
				if n := len(s.requests()); n != tt.calls && tt.source != 0 {
					t.Errorf("%d calls, want %d", n, tt.calls)
				}
			})
		})
	}
}

// TestAsk_TakesNoPartOnceAnswersAreWhole has a server that cut off one answer in all the room
// there is: a later one that is cut off in less gets more all the same.
func TestAsk_TakesNoPartOnceAnswersAreWhole(t *testing.T) {
	part := answer{body: strings.Replace(completion(good[:len(good)-10], "length", 0), `"completion_tokens":80`, `"completion_tokens":2000`, 1)}
	s := &server{script: []answer{part, part, {}, part, {}}}
	inBubble(t, llm.Config{MaxTokens: 600, MaxOutputTokens: 2400}, s, []string{testKey}, func(t *testing.T, b *bench) {
		for _, want := range []string{"", "A sofa.", "A sofa."} {
			a, err := b.Ask(t.Context(), sofa())
			if v := a.Classification; err != nil || v.Category != "SOFA" || v.Reasoning != want {
				t.Errorf("%+v, %v, want the reasoning %q, %d calls", v, err, want, len(s.requests()))
			}
		}
	})
}

// TestAsk_IsDoneWithAHostileAnswer has an answer full of what may be one.
func TestAsk_IsDoneWithAHostileAnswer(t *testing.T) {
	const size = 4 << 20
	fill := func(unit string) string { return strings.TrimSuffix(strings.Repeat(unit, size/len(unit)), ",") }
	for name, body := range map[string]string{
		"texts":   `{"a":[` + fill(`"{",`) + `]}`,
		"objects": `{"a":[` + fill(`{"category":1},`) + `]}`,
		"nested":  fill(`{"a":`),
		"bodies":  `{"a":[` + fill(`"{\"choices\":[{}]}",`) + `]}`,
		"tokens":  `{"choices":[{"text":"{","logprobs":{"tokens":[` + fill(`"a",`) + `],"token_logprobs":[]}}]}`,
		"chunks":  `[` + fill(`{"choices":[{"delta":{}}]},`) + `]`,
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{script: []answer{{body: body}, {}}}
			inBubble(t, llm.Config{}, s, []string{testKey}, func(t *testing.T, b *bench) {
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
