package llm

import (
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// reply is what matters of a chat completion.
type reply struct {
	found   bool     // there was a choice
	texts   []string // where the answer may stand, the likeliest first
	thought string   // the reasoning, if the server shows it
	refusal string
	finish  string
	tokens  tokens
	usage   catalog.Usage
	spent   bool // tokens were spent on reasoning, by the usage
	fault   gjson.Result
	base    gjson.Result // MiniMax's status
	root    gjson.Result
}

// readReply reads a completion in one pass, or an event stream of one. It is lenient: what
// is not there is empty, and the answer within is checked strictly later.
func readReply(body string) reply {
	var r reply
	body = strings.TrimPrefix(strings.TrimSpace(body), "\ufeff")
	if isEventStream(body) {
		body = joinEvents(body)
	}
	r.root = gjson.Parse(body)
	if !r.root.IsObject() {
		return r
	}
	c := cursor{text: body}
	c.members(func(name string) bool {
		switch name {
		case "choices":
			c.elements(func() bool {
				if r.found {
					c.skip()
				} else {
					r.readChoice(&c)
				}
				return true
			})
		case "usage":
			r.readUsage(c.value())
		case "error":
			r.fault = c.value()
		case "base_resp":
			r.base = c.value()
		default:
			c.skip()
		}
		return true
	})
	return r
}

func (r *reply) readChoice(c *cursor) {
	r.found = c.peek() == '{'
	c.members(func(name string) bool {
		switch name {
		case "message":
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
	r.refusal = strings.Clone(m.Get("refusal").String())
	r.addText(contentText(m.Get("content")))
	for _, path := range []string{"tool_calls.0.function.arguments", "function_call.arguments", "parsed"} {
		if v := m.Get(path); v.IsObject() {
			r.addText(v.Raw)
		} else {
			r.addText(v.String())
		}
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

func (r *reply) addText(text string) {
	if strings.TrimSpace(text) != "" {
		r.texts = append(r.texts, strings.Clone(text))
	}
}

// reasoned reports whether the model spent tokens on reasoning: by the usage, or because
// it shows its reasoning.
func (r *reply) reasoned() bool { return r.spent || r.thought != "" }

// contentText returns a message's content, a string or a list of text parts. Parts of
// reasoning have no text.
func contentText(content gjson.Result) string {
	if !content.IsArray() {
		return content.String()
	}
	var b strings.Builder
	content.ForEach(func(_, part gjson.Result) bool {
		b.WriteString(part.Get("text").String())
		return true
	})
	return b.String()
}

// failure returns the error that a body with a status of success holds, or nil: gateways
// that have begun to answer before their upstream failed do this, per choice too, and some
// servers always. Its status is the one that the error names, else that of a bad gateway.
func (r *reply) failure(res response) *serverError {
	switch base := r.base.Get("status_code"); {
	case r.fault.IsObject(), r.fault.Type == gjson.String && r.fault.Str != "" && (!r.found || r.finish == "error"):
	case !r.found && base.Exists() && base.Int() != 0:
	default:
		return nil
	}
	e := readError(http.StatusBadGateway, res.header, r.root.Raw)
	if r.fault.IsObject() {
		e = errorFields(r.fault)
		e.status = http.StatusBadGateway
		e.inChoice = r.found
	}
	if code := int(r.fault.Get("code").Int()); code >= 400 && code < 600 {
		e.status = code
	}
	return &e
}

func (r *reply) readUsage(usage gjson.Result) {
	r.usage = catalog.Usage{
		Prompt:       max(usage.Get("prompt_tokens").Int(), 0),
		CachedPrompt: max(usage.Get("prompt_tokens_details.cached_tokens").Int(), 0),
		Completion:   max(usage.Get("completion_tokens").Int(), 0),
	}
	r.spent = usage.Get("completion_tokens_details.reasoning_tokens").Int() > 0
}
