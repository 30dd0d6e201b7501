package llm

import (
	"net/http"
	"strings"
	"sync"
)

// format is how the answer's form is asked for.
type format uint8

const (
	jsonSchema format = iota // strict schema
	jsonObject               // any JSON object
	freeText                 // by the instructions alone
)

// limit is the parameter that bounds an answer.
type limit uint8

const (
	maxCompletionTokens limit = iota // the current name
	maxTokens                        // the old one, which most other servers know
	noLimit
)

func (l limit) name() string {
	switch l {
	case maxCompletionTokens:
		return "max_completion_tokens"
	case maxTokens:
		return "max_tokens"
	default:
		return ""
	}
}

// features are what a server was found to lack. The zero value expects
// everything. Each property only ever grows, so whatever order lessons come in,
// learning ends.
type features struct {
	format        format
	limit         limit
	noLogprobs    bool
	noTemperature bool
	// thinks: the model spends tokens on reasoning before it answers, and needs
	// more room from the first call on.
	thinks bool
}

// join returns what lacks in either.
func (f features) join(g features) features {
	return features{
		format:        max(f.format, g.format),
		limit:         max(f.limit, g.limit),
		noLogprobs:    f.noLogprobs || g.noLogprobs,
		noTemperature: f.noTemperature || g.noTemperature,
		thinks:        f.thinks || g.thinks,
	}
}

// without returns the features that are left when a server answered a request
// made with f by this error. False: the error is about something else.
//
// Only parameters that were sent are looked for. OpenAI itself says "'max_tokens'
// is not supported with this model. Use 'max_completion_tokens' instead", and
// refuses log-probabilities of some models with 403.
func (f features) without(status int, e apiError) (features, bool) {
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusNotImplemented:
	default:
		return f, false
	}
	if filtered(e) || exhausted(status, e) {
		return f, false
	}
	text := strings.ToLower(e.Param + " " + e.Message)
	refused := refuses(text, e.Code)
	switch {
	case !refused:
		return f, false
	case !f.noLogprobs && strings.Contains(text, "logprobs"):
		f.noLogprobs = true
	case f.format < freeText && namesAny(text, "response_format", "response format", "json_schema", "json_object", "json schema", "structured output"):
		f.format++
	case !f.noTemperature && strings.Contains(text, "temperature"):
		f.noTemperature = true
	case f.limit < noLimit && strings.Contains(text, f.limit.name()):
		f.limit++
	default:
		return f, false
	}
	return f, true
}

// refuses reports whether a text speaks of a parameter that is not known, and
// not of a value that does not fit this one question: "max_tokens is too large:
// the context has 4096 tokens" is no lesson.
func refuses(text, code string) bool {
	switch code {
	case "unsupported_parameter", "unknown_parameter", "extra_forbidden":
		return true
	case "context_length_exceeded":
		return false
	}
	if namesAny(text, "context length", "context window") {
		return false
	}
	return namesAny(text, "unsupported", "not support", "unrecognized", "unknown", "unexpected", "unavailable",
		"must be", "not permitted", "not allowed", "extra inputs", "extra fields", "additional properties")
}

func namesAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// site is a model on a server: what one can do says nothing of another.
type site struct{ base, model string }

// lessons are the features of each site. The zero value is ready for use, by
// several goroutines at once.
type lessons struct {
	mu    sync.RWMutex
	known map[site]features
}

func (l *lessons) of(s site) features {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.known[s]
}

func (l *lessons) add(s site, f features) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[site]features{}
	}
	l.known[s] = l.known[s].join(f)
}
