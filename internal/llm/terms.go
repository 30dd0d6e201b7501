package llm

import (
	"fmt"
	"strings"
)

// terms are the optional parts of a request: what a server may refuse. They are what is
// negotiated, learned and stored for each site. They are comparable.
type terms struct {
	Format      format
	Limit       limit
	Logprobs    logprobs
	Temperature temperature
	Effort      effort
	Cache       cacheMarks
	Detail      detailMember
	Pictures    pictures
	System      systemRole
	Stream      streaming
	KeyHeader   keyHeader
	// Room is how many tokens an answer gets, 0: the configured number. It grows for
	// models that reason before they answer, and shrinks for small contexts.
	Room int
	// Endpoint is what follows the base URL: 0 is "/chat/completions"; see endpoint.go.
	Endpoint int
}

// format is how the answer's form is asked for, from the strictest on.
type format uint8

const (
	strictSchema format = iota // a strict JSON schema
	plainSchema                // the same in the plainest dialect: no lists of types, no null, no "strict"
	jsonObject                 // any JSON object
	freeText                   // by the instructions alone
)

// limit is the parameter that bounds an answer.
type limit uint8

const (
	maxCompletionTokens limit = iota // the current name
	maxTokens                        // the older one, which most other servers know
	noLimit
)

func (l limit) name() string { return [...]string{"max_completion_tokens", "max_tokens", ""}[l] }

// logprobs is how log-probabilities are asked for.
type logprobs uint8

const (
	topLogprobs   logprobs = iota // with the likeliest alternatives of each token
	plainLogprobs                 // of the tokens alone
	noLogprobs
)

// temperature is whether one is sent.
type temperature uint8

const (
	withTemperature temperature = iota
	noTemperature
)

// effort is the value of reasoning_effort.
type effort uint8

const (
	noEffort effort = iota // not sent
	effortNone
	effortMinimal
	effortLow
)

func (e effort) name() string { return [...]string{"", "none", "minimal", "low"}[e] }

// cacheMarks is how the provider's prompt cache is told about the fixed part.
type cacheMarks uint8

const (
	noCacheMarks  cacheMarks = iota
	cacheKey                 // prompt_cache_key
	cacheExplicit            // and a breakpoint after the system message
)

// detailMember is whether a picture's "detail" is sent.
type detailMember uint8

const (
	withDetail detailMember = iota
	noDetail
)

// pictures is whether the model takes any.
type pictures uint8

const (
	withPictures pictures = iota
	noPictures
)

// systemRole is where the instructions stand.
type systemRole uint8

const (
	ownMessage systemRole = iota
	inQuestion            // at the beginning of the question, for models that know no such role
)

// streaming is whether the answer is asked for as an event stream.
type streaming uint8

const (
	noStream streaming = iota
	withStream
)

// keyHeader is the header that carries the key, if the configuration does not say.
type keyHeader uint8

const (
	asConfigured keyHeader = iota
	inKeyHeaders           // in those for keys, and not as a bearer token
)

// part is one member of the request that can be lowered on its own.
type part uint8

const (
	partFormat part = iota
	partLimit
	partLogprobs
	partTemperature
	partEffort
	partCache
	partDetail
	partSystem
	partStream
	numParts
)

// partWords name the part in a server's words. They only choose what is tried first. The
// limit goes by the name under which it was sent.
var partWords = [numParts][]string{
	partFormat: {
		"response_format", "response format", "response_schema", "responseschema", "json_schema", "json_object", "json schema",
		"json mode", "structured output", "grammar", "guided", "schema",
	},
	partLogprobs:    {"logprob", "log probabilities", "log-probabilities"},
	partTemperature: {"temperature"},
	partEffort:      {"reasoning_effort", "reasoning effort", "reasoning.effort"},
	partCache:       {"prompt_cache", "cache_breakpoint", "prompt cache"},
	partDetail:      {"detail"},
}

// lower returns t with one part a step lower, and false if it is at its lowest.
func (t terms) lower(p part) (terms, bool) {
	switch {
	case p == partFormat && t.Format < freeText:
		t.Format++
	case p == partLimit && t.Limit < noLimit:
		t.Limit++
	case p == partLogprobs && t.Logprobs < noLogprobs:
		t.Logprobs++
	case p == partTemperature && t.Temperature < noTemperature:
		t.Temperature++
	case p == partEffort && t.Effort == effortLow:
		t.Effort = noEffort
	case p == partEffort && t.Effort != noEffort:
		t.Effort++
	case p == partCache && t.Cache > noCacheMarks:
		t.Cache--
	case p == partDetail && t.Detail < noDetail:
		t.Detail++
	default:
		return t, false
	}
	return t, true
}

// without returns t with one part at its lowest.
func (t terms) without(p part) terms {
	for {
		next, ok := t.lower(p)
		if !ok {
			return t
		}
		t = next
	}
}

// bare returns t with every part at its lowest that a question has, with a picture or
// without.
func (t terms) bare(picture bool) terms {
	for p := range numParts {
		if p != partDetail || picture {
			t = t.without(p)
		}
	}
	return t
}

// with returns t with one part as it is in other.
func (t terms) with(p part, other terms) terms {
	switch p {
	case partFormat:
		t.Format = other.Format
	case partLimit:
		t.Limit = other.Limit
	case partLogprobs:
		t.Logprobs = other.Logprobs
	case partTemperature:
		t.Temperature = other.Temperature
	case partEffort:
		t.Effort = other.Effort
	case partCache:
		t.Cache = other.Cache
	case partDetail:
		t.Detail = other.Detail
	case partSystem:
		t.System = other.System
	case partStream:
		t.Stream = other.Stream
	}
	return t
}

// same reports whether a part is equal in both.
func (t terms) same(p part, other terms) bool { return t.with(p, other) == t }

// named returns the parts that a server's words name and that t sends.
func (t terms) named(words string) []part {
	var found []part
	for p := range numParts {
		known := partWords[p]
		if p == partLimit {
			known = []string{t.Limit.name()}
		}
		if _, sent := t.lower(p); sent && anyIn(words, known) {
			found = append(found, p)
		}
	}
	return found
}

// String describes the terms for people.
func (t terms) String() string {
	words := []string{
		[...]string{"strict JSON schema", "plain JSON schema", "JSON object", "free text"}[t.Format],
		[...]string{"log-probabilities with alternatives", "log-probabilities", "no log-probabilities"}[t.Logprobs],
	}
	if name := t.Limit.name(); name != "" {
		words = append(words, name)
	} else {
		words = append(words, "no output limit")
	}
	if t.Temperature == noTemperature {
		words = append(words, "no temperature")
	}
	if t.Effort != noEffort {
		words = append(words, "reasoning effort "+t.Effort.name())
	}
	switch t.Cache {
	case cacheKey:
		words = append(words, "prompt cache key")
	case cacheExplicit:
		words = append(words, "prompt cache breakpoint")
	case noCacheMarks:
	}
	if t.System == inQuestion {
		words = append(words, "instructions in the question")
	}
	if t.Stream == withStream {
		words = append(words, "event streams")
	}
	if t.KeyHeader == inKeyHeaders {
		words = append(words, "key in api-key headers")
	}
	if t.Pictures == noPictures {
		words = append(words, "no pictures")
	}
	if t.Room > 0 {
		words = append(words, fmt.Sprintf("room for %d tokens", t.Room))
	}
	return strings.Join(words, ", ")
}

// valid reports whether terms that were stored are ones that this program knows.
func (t terms) valid(endpoints int) bool {
	return t.Format <= freeText && t.Limit <= noLimit && t.Logprobs <= noLogprobs && t.Temperature <= noTemperature &&
		t.System <= inQuestion && t.Stream <= withStream && t.KeyHeader <= inKeyHeaders && t.Effort <= effortLow && t.Cache <= cacheExplicit && t.Detail <= noDetail && t.Pictures <= noPictures &&
		t.Room >= 0 && t.Endpoint >= 0 && t.Endpoint < endpoints
}
