package llm

import (
	"testing"

	"pgregory.net/rapid"
)

// negotiate plays a negotiation against a server that refuses terms in words, empty for
// an answer. It returns the terms that were settled on and the number of calls.
func negotiate(t interface{ Fatalf(string, ...any) }, offer terms, refuse func(terms) (words, code string)) (terms, int, bool) {
	n := newNegotiation(offer)
	for range 2 * maxNegotiation {
		if n.done {
			return n.best, n.calls, true
		}
		if words, code := refuse(n.now); words == "" {
			n.accepted()
		} else if !n.refused(words, code, false) {
			return n.best, n.calls, n.answered
		}
	}
	t.Fatalf("it does not end: %+v", n)
	return terms{}, 0, false
}

func TestNegotiation(t *testing.T) {
	for name, c := range map[string]struct {
		refuse func(terms) (string, string)
		want   terms
		calls  int
	}{
		"accepts everything": {func(terms) (string, string) { return "", "" }, terms{}, 1},
		"schema with type lists": {func(s terms) (string, string) {
			if s.Format == strictSchema {
				return `Unknown name "type" at 'generation_config.response_schema.properties[3].value'`, ""
			}
			return "", ""
		}, terms{Format: plainSchema}, 2},
		"schema by its value": {func(s terms) (string, string) {
			if s.Format < jsonObject {
				return "Invalid value: 'json_schema'. Supported values are: 'json_object' and 'text'.", "invalid_value"
			}
			return "", ""
		}, terms{Format: jsonObject}, 3},
		"every form of answer": {func(s terms) (string, string) {
			if s.Format < freeText {
				return "Json mode response is not supported when enable_thinking is true", ""
			}
			return "", ""
		}, terms{Format: freeText}, 4},
		"temperature, effort or not": {func(s terms) (string, string) {
			if s.Temperature == withTemperature {
				return "invalid temperature: only 1 is allowed for this model", ""
			}
			return "", ""
		}, terms{Temperature: noTemperature}, 3},
		"a request without a bound": {func(s terms) (string, string) {
			if s.Limit != maxTokens {
				return "max_tokens: Field required", ""
			}
			return "", ""
		}, terms{Limit: maxTokens}, 8},
		"streams without options": {func(s terms) (string, string) {
			switch s.Stream {
			case noStream:
				return "stream must be set to true", ""
			case withStream:
				return "unrecognized argument: stream_options", ""
			}
			return "", ""
		}, terms{Stream: plainStream}, 8},
		"temperature while it reasons": {func(s terms) (string, string) {
			if s.Temperature == withTemperature && s.Effort != effortNone {
				return "Unsupported value: 'temperature' does not support 0 with this model.", "unsupported_value"
			}
			return "", ""
		}, terms{Effort: effortNone}, 2},
		"the lowest effort is low": {func(s terms) (string, string) {
			switch {
			case s.Effort == effortNone || s.Effort == effortMinimal:
				return "Unsupported value: 'reasoning_effort' does not support this with this model. Supported values are: 'low'", "unsupported_value"
			case s.Temperature == withTemperature:
				return "Unsupported value: 'temperature' does not support 0 with this model.", "unsupported_value"
			case s.Logprobs != noLogprobs:
				return "You are not allowed to request logprobs from this model.", ""
			}
			return "", ""
		}, terms{Effort: effortLow, Temperature: noTemperature, Logprobs: noLogprobs}, 7},
		"two parameters at once": {func(s terms) (string, string) {
			if s.Logprobs != noLogprobs || s.Limit == maxCompletionTokens {
				return "body.logprobs Extra inputs are not permitted; body.max_completion_tokens Extra inputs are not permitted", "extra_forbidden"
			}
			return "", ""
		}, terms{Logprobs: noLogprobs, Limit: maxTokens}, 3},
		"words that name nothing": {func(s terms) (string, string) {
			if s.Logprobs != noLogprobs {
				return "Out of range float values are not JSON compliant: -inf", ""
			}
			return "", ""
		}, terms{Logprobs: noLogprobs}, 6},
		"words that name the wrong thing": {func(s terms) (string, string) {
			if s.Format < jsonObject {
				return "temperature or logprobs may be wrong", ""
			}
			return "", ""
		}, terms{Format: jsonObject, Logprobs: noLogprobs}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			got, calls, ok := negotiate(t, terms{}, c.refuse)
			if !ok || got != c.want || calls > c.calls {
				t.Errorf("got %+v after %d calls, %v; want %+v after %d", got, calls, ok, c.want, c.calls)
			}
		})
	}
}

func TestNegotiation_EndsWhateverIsSaid(t *testing.T) {
	words := []string{"", "logprobs", "temperature", "response_format", "max_tokens", "reasoning_effort", "no", "unknown field: temperature", "grammar and logprobs"}
	rapid.Check(t, func(t *rapid.T) {
		says := func(terms) (string, string) { return rapid.SampledFrom(words).Draw(t, "words"), "" }
		if _, calls, _ := negotiate(t, terms{}, says); calls > maxNegotiation {
			t.Fatalf("%d calls", calls)
		}
	})
}

// TestNegotiation_FindsWhatIsRefused has servers that refuse any one or two parts without
// naming them: what is left must be accepted, and nothing more than what is refused be gone.
func TestNegotiation_FindsWhatIsRefused(t *testing.T) {
	for p := range numParts {
		if _, sent := (terms{}).lower(p); !sent || p == partDetail {
			continue
		}
		lowest := terms{}.without(p)
		got, calls, ok := negotiate(t, terms{}, func(s terms) (string, string) {
			if *s.at(p) != *lowest.at(p) {
				return "bad request", ""
			}
			return "", ""
		})
		if !ok || got != lowest || calls > maxNegotiation {
			t.Errorf("part %d: got %+v after %d calls; want %+v", p, got, calls, lowest)
		}
	}
}
