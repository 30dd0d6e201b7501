package llm

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/prompt"
)

// reply is what matters of a chat completion.
type reply struct {
	found bool     // there was a choice
	texts []string // where the answer may stand, the likeliest first
	// anywhere is set if the texts stood in no place for answers, so that none is likelier
	// than another.
	anywhere   bool
	several    bool   // the texts are equals: all that are answers must agree
	inThoughts bool   // the texts stood in thoughts of no known form
	thought    string // the reasoning, if the server shows it
	stuck      bool   // the content is a few characters again and again
	refusal    string
	finish     string
	tokens     tokens
	usage      catalog.Usage
	total      int64 // tokens, by the usage
	fault      gjson.Result
	root       gjson.Result
}

// readReply reads a completion in one pass, or an event stream of one. It is lenient: what
// is not there is empty, and the answer within is checked strictly later.
func readReply(body string) reply {
	var r reply
	body = strings.TrimPrefix(strings.TrimSpace(body), "\ufeff")
	if isEventStream(body) || isLines(body) {
		r.readEvents(body)
		return r
	}
	r.root = gjson.Parse(body)
	switch {
	case r.root.IsObject():
		r.readMembers(body)
	case r.root.IsArray() && r.root.Get("0.choices.0.delta").Exists():
		r.readEvents(strings.Join(chunks(r.root), "\n"))
		return r
	}
	if !r.found {
		r.readAnywhere(r.root)
	}
	return r
}

// chunks returns those of a stream that came as a list, one a line.
func chunks(list gjson.Result) (lines []string) {
	list.ForEach(func(_, chunk gjson.Result) bool {
		lines = append(lines, chunk.Get("@ugly").Raw)
		return true
	})
	return lines
}

func (r *reply) readMembers(body string) {
	c := cursor{text: body}
	c.members(func(name string) bool {
		switch name {
		case "choices":
			c.elements(func() bool {
				if len(r.texts) > 0 { // some have text and a tool call in choices of their own
					c.skip()
				} else {
					r.readChoice(&c)
				}
				return true
			})
		case "usage":
			r.readUsage(&c)
		case "error":
			r.fault = c.value()
		default:
			c.skip()
		}
		return true
	})
}

// Limits of the search for an answer in places of no known form.
const (
	// maxWithin is how far in a body a completion is looked for that is not its outermost object.
	maxWithin = 6
	// maxAnywhere is how many texts are looked at.
	maxAnywhere = 16
)

// readAnywhere looks for an answer in a value of no known form, in thoughts only if there is
// none elsewhere.
func (r *reply) readAnywhere(v gjson.Result) {
	if r.readWithin(v, maxWithin); len(r.texts) == 0 {
		r.inThoughts = true
		r.readWithin(v, maxWithin)
		r.inThoughts = len(r.texts) > 0
	}
}

// readWithin looks in a value that is no completion, or has none of the usual members, for a
// completion within it, and keeps the texts and objects that may be an answer of another form.
// It reports whether there is no need to look on.
func (r *reply) readWithin(v gjson.Result, depth int) (enough bool) {
	switch {
	case v.IsObject() && (!r.inThoughts && ofThoughts.MatchString(v.Get("type").String()) || slices.Contains(askers, v.Get("role").Str)):
	case v.Type == gjson.String && strings.Contains(v.Str, "{"):
		if inner := gjson.Parse(v.Str); depth > 0 && inner.Get("choices.0").Exists() { // a body in a body
			return r.readWithin(inner, depth-1)
		}
		r.addAnywhere(v.Str)
	case v.IsObject() && v.Get("category").Exists():
		r.addAnywhere(v.Raw)
	case depth > 0 && !r.found && v.IsObject() && v.Get("choices.0").Exists():
		r.readMembers(v.Raw)
		return r.found
	case depth > 0 && (v.IsObject() || v.IsArray()):
		v.ForEach(func(name, inner gjson.Result) bool {
			skip := slices.Contains(noAnswers, name.Str) || !r.inThoughts && ofThoughts.MatchString(name.Str)
			enough = !skip && r.readWithin(inner, depth-1)
			return !enough
		})
		return enough
	}
	return len(r.texts) >= maxAnywhere
}

var (
	// noAnswers are members of completions in which no answer is looked for, among them what a
	// server repeats of the question.
	noAnswers = []string{"logprobs", "usage", "error", "refusal", "prompt", "instructions", "request"}
	// askers are the roles of messages that are part of the question.
	askers = []string{"system", "developer", "user"}
)

func (r *reply) addAnywhere(text string) {
	if len(r.texts) == 0 {
		r.anywhere, r.several = true, true
	}
	r.addText(text)
}

func (r *reply) readChoice(c *cursor) {
	r.found = c.peek() == '{'
	begin := c.at
	defer func() {
		if len(r.texts) == 0 && r.found {
			r.readAnywhere(gjson.Parse(c.text[begin:c.at]))
		}
	}()
	c.members(func(name string) bool {
		switch name {
		case "message", "delta":
			r.readMessage(c.value())
		case "text":
			r.addText(c.value().String())
		case "finish_reason":
			r.finish = strings.Clone(c.value().String())
		case "logprobs":
			next := ""
			if len(r.texts) > 0 && r.finish == "" { // the usual order, in which only this is to come
				next = "finish_reason"
			}
			r.tokens.find(c, next)
		case "error":
			if e := c.value(); e.IsObject() || e.Type == gjson.String && e.Str != "" {
				r.fault = e
			}
		default:
			c.skip()
		}
		return true
	})
}

// first returns the first element of a list.
func first(list gjson.Result) (item gjson.Result) {
	if list.IsArray() {
		list.ForEach(func(_, v gjson.Result) bool {
			item = v
			return false
		})
	}
	return item
}

// readMessage collects the places where servers put the answer: the content, the arguments
// of a tool call, and, if both are empty, the reasoning.
func (r *reply) readMessage(m gjson.Result) {
	if refusal := m.Get("refusal"); refusal.Type == gjson.String { // some say false
		r.refusal = strings.Clone(present(refusal.Str))
	}
	content := contentText(m.Get("content"))
	r.stuck = isStuck(content)
	r.addText(content)
	r.several = present(content) == "" // several calls of tools
	m.Get("tool_calls").ForEach(func(_, call gjson.Result) bool {
		r.addText(call.Get("function.arguments").String())
		return len(r.texts) < maxAnywhere
	})
	for _, name := range []string{"function_call.arguments", "parsed"} {
		r.addText(m.Get(name).String())
	}
	for _, name := range []string{"reasoning_content", "reasoning", "thinking"} {
		if text := m.Get(name).String(); text != "" && r.thought == "" {
			r.thought = strings.Clone(text)
		}
	}
	if len(r.texts) == 0 {
		r.addText(r.thought)
	}
}

// dropDrafts leaves out the texts of an answer that was cut off in the model's thoughts: what
// stands there is no answer yet.
func (r *reply) dropDrafts() {
	r.texts = slices.DeleteFunc(r.texts, func(text string) bool {
		if text == r.thought || r.inThoughts {
			return !strings.HasPrefix(strings.TrimSpace(text), "{")
		}
		return prompt.EndsInThoughts(text)
	})
}

// aloud matches the marks of thoughts in a text that is the answer too.
var aloud = regexp.MustCompile(`(?i)[<\[◁|]/?[a-z_:]*(?:think|thought|reason)|<\|channel\|>`)

// present returns a text, and "" for what Python and others write if there is none.
func present(text string) string {
	word := strings.TrimSpace(text)
	if word == "" || strings.EqualFold(word, "null") || strings.EqualFold(word, "none") || strings.EqualFold(word, "undefined") {
		return ""
	}
	return text
}

func (r *reply) addText(text string) {
	if present(text) != "" {
		r.texts = append(r.texts, strings.Clone(text))
	}
}

// reasoned reports whether the model spent tokens on reasoning: by the usage, or because
// it shows its reasoning.
func (r *reply) reasoned() bool {
	return r.usage.Reasoning > 0 || r.thought != "" || slices.ContainsFunc(r.texts, aloud.MatchString)
}

// contentText returns a message's content, a string or a list of text parts, without those
// of reasoning.
func contentText(content gjson.Result) string {
	if !content.IsArray() {
		return content.String()
	}
	var b strings.Builder
	content.ForEach(func(_, part gjson.Result) bool {
		if part.Type == gjson.String {
			b.WriteString(part.Str)
		}
		if !ofThoughts.MatchString(part.Get("type").String()) && !part.Get("thought").Bool() {
			b.WriteString(part.Get("text").String())
		}
		return true
	})
	return b.String()
}

// isStuck reports whether a text is long and has next to no different characters: models that are
// bound to a grammar may write nothing but white space, and broken ones nothing but exclamation
// marks. More room helps neither.
func isStuck(text string) bool {
	const long, few = 64, 4
	if len(text) < long {
		return false
	}
	var seen [few]rune
	n := 0
	for _, c := range text {
		if slices.Contains(seen[:n], c) {
			continue
		}
		if n == few {
			return false
		}
		seen[n] = c
		n++
	}
	return true
}

// ofThoughts matches the names of members, and the types of parts, that are no answer.
var ofThoughts = regexp.MustCompile(`(?i)think|thought|reason`)

// failure returns the error that a body with a status of success holds, or nil: gateways
// that have begun to answer before their upstream failed do this, per choice too, and some
// servers always. Its status is the one that the error names, else that of a bad gateway in a
// choice and of a failure elsewhere.
func (r *reply) failure() *serverError {
	var e serverError
	switch {
	case r.fault.IsObject():
		e = errorFields(r.fault)
		if e.inChoice = r.found; r.found && e.message == "" && slices.Contains([]string{"", "0", "200"}, e.code) {
			return nil // some send an empty one with each answer
		}
	case r.root.IsObject() && !r.found, r.fault.Type == gjson.String && r.fault.Str != "" && r.finish == "error":
		if e = errorIn(r.root); e.message == "" || e.code == "0" {
			return nil
		}
	default:
		return nil
	}
	e.clip()
	e.status = http.StatusBadGateway
	if !r.found {
		e.status = http.StatusInternalServerError // no gateway names a server behind it
	}
	if code, err := strconv.Atoi(e.code); err == nil && code >= 400 && code < 600 {
		e.status = code
	}
	return &e
}

// readUsage reads how many tokens a call took. Providers name the same counts in different
// ways, in the usage or in its details; of several, the largest is the count.
func (r *reply) readUsage(c *cursor) {
	c.members(func(name string) bool {
		if !strings.HasSuffix(name, "_tokens_details") {
			r.addUsage(name, c.value().Int())
			return true
		}
		c.members(func(name string) bool {
			r.addUsage(name, c.value().Int())
			return true
		})
		return true
	})
	if hidden := r.total - r.usage.Prompt - r.usage.Completion; hidden > 0 && r.usage.Completion > 0 { // Gemini
		r.usage.Completion += hidden
		r.usage.Reasoning = max(r.usage.Reasoning, hidden)
	}
}

// cutOff reports whether an answer ended because its room was used up: in the server's words, or because
// it took all of it.
func (r *reply) cutOff(f form) bool {
	finish := strings.ToLower(r.finish)
	return strings.HasSuffix(finish, "length") || strings.Contains(finish, "max_") ||
		f.terms.Limit != noLimit && r.usage.Completion >= int64(f.room)
}

// filtered reports whether moderation ended the answer.
func (r *reply) filtered() bool {
	return anyIn(strings.ToLower(r.finish), []string{
		"filter", "safety", "sensitive", "prohibited", "block", "black", "recitation", "refusal", "guardrail", "moderat", "toxic", "spii",
	})
}

// ended reports whether the model ended the answer, as far as the server says, and not
// something else.
func (r *reply) ended() bool {
	return slices.Contains([]string{"", "null", "stop", "length", "tool_calls", "function_call", "end_turn", "eos", "eos_token", "stop_sequence", "completed"}, strings.ToLower(r.finish))
}

func (r *reply) addUsage(name string, n int64) {
	var count *int64
	switch name {
	case "prompt_tokens":
		count = &r.usage.Prompt
	case "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens":
		count = &r.usage.CachedPrompt
	case "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens":
		count = &r.usage.CacheWrites
	case "total_tokens":
		count = &r.total
	case "completion_tokens":
		count = &r.usage.Completion
	case "reasoning_tokens":
		count = &r.usage.Reasoning
	default:
		return
	}
	*count = max(*count, n)
}
