package llm

// terms are the optional parts of a request: what a server may refuse. They are what is
// negotiated, learned and stored for each site. They are comparable.
type terms struct {
	Format      level // of the answer
	Limit       level // the parameter that bounds an answer
	Logprobs    level
	Temperature level
	Effort      level // the value of reasoning_effort
	Cache       level // how the provider's prompt cache is told about the fixed part
	Detail      level // whether a picture's "detail" is sent
	Pictures    level // whether the model takes any
	System      level // where the instructions stand
	Stream      level // whether the answer is asked for as an event stream
	KeyHeader   level // the header that carries the key, if the configuration does not say
	// Room is how many tokens an answer gets, 0: the configured number. It grows for
	// models that reason before they answer, and shrinks for small contexts.
	Room int
	// Endpoint is what follows the base URL: 0 is "/chat/completions"; see endpoint.go.
	Endpoint int
}

// level is how much is asked for of a part, 0 being what is wanted unless the settings say
// otherwise.
type level uint8

// The levels of each part.
const (
	// A strict JSON schema; the same in the plainest dialect, without lists of types, null and
	// "strict"; any JSON object; by the instructions alone.
	strictSchema, plainSchema, jsonObject, freeText level = 0, 1, 2, 3
	// The current name; the older one, which most other servers know.
	maxCompletionTokens, maxTokens, noLimit level = 0, 1, 2
	// With the likeliest alternatives of each token; of the tokens alone.
	topLogprobs, plainLogprobs, noLogprobs level = 0, 1, 2
	withTemperature, noTemperature         level = 0, 1
	// Not sent, and the values.
	noEffort, effortNone, effortMinimal, effortLow level = 0, 1, 2, 3
	// The key is prompt_cache_key; explicit adds a breakpoint after the system message.
	noCacheMarks, cacheKey, cacheExplicit level = 0, 1, 2
	withDetail, noDetail                  level = 0, 1
	withPictures, noPictures              level = 0, 1
	// At the beginning of the question for models that know no such role.
	ownMessage, inQuestion level = 0, 1
	// As an event stream, with the usage at its end or without asking for that.
	noStream, withStream, plainStream level = 0, 1, 2
	// In those headers that are for keys, and not as a bearer token.
	asConfigured, inKeyHeaders level = 0, 1
)

// The names in a request, by level. Empty: it is left out.
var (
	limitParameters = [...]string{"max_completion_tokens", "max_tokens", ""}
	effortValues    = [...]string{"", "none", "minimal", "low"}
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

// lastLevels are the last ones of each part.
var lastLevels = [numParts]level{freeText, noLimit, noLogprobs, noTemperature, effortLow, cacheExplicit, noDetail, inQuestion, plainStream}

// at returns the level of a part, to be read or set.
func (t *terms) at(p part) *level {
	return [numParts]*level{&t.Format, &t.Limit, &t.Logprobs, &t.Temperature, &t.Effort, &t.Cache, &t.Detail, &t.System, &t.Stream}[p]
}

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
	l := t.at(p)
	switch {
	case p == partSystem || p == partStream:
		return t, false
	case p == partEffort && *l == effortLow:
		*l = noEffort
	case p == partCache && *l != noCacheMarks:
		*l--
	case p == partCache, p == partEffort && *l == noEffort, *l == lastLevels[p]:
		return t, false
	default:
		*l++
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
	*t.at(p) = *other.at(p)
	return t
}

// named returns the parts that a server's words name and that t sends.
func (t terms) named(words string) []part {
	var found []part
	for p := range numParts {
		known := partWords[p]
		if p == partLimit {
			known = []string{limitParameters[t.Limit]}
		}
		if _, sent := t.lower(p); sent && anyIn(words, known) {
			found = append(found, p)
		}
	}
	return found
}

// valid reports whether terms that were stored are ones that this program knows.
func (t terms) valid(endpoints int) bool {
	for p := range numParts {
		if *t.at(p) > lastLevels[p] {
			return false
		}
	}
	return t.Pictures <= noPictures && t.KeyHeader <= inKeyHeaders && t.Room >= 0 && t.Endpoint >= 0 && t.Endpoint < endpoints
}
