package llm

import (
	"iter"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// reply is what matters of a chat completion.
type reply struct {
	found    bool // there was a choice
	content  string
	refusal  string
	finish   string
	logprobs gjson.Result // a list of tokens, or nothing
	usage    catalog.Usage
	thinks   bool // tokens were spent on reasoning
	fault    gjson.Result
}

// readReply reads a completion in one pass. It is lenient: what is not there is
// empty, and the verdict within is checked strictly later.
//
// encoding/json would read the whole of it twice, and nine tenths are
// log-probabilities of which the first ten tokens count.
func readReply(body string) reply {
	var r reply
	root := gjson.Parse(body)
	if !root.IsObject() {
		return r
	}
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "choices":
			r.readChoice(first(value))
		case "usage":
			r.readUsage(value)
		case "error":
			r.fault = value
		}
		return true
	})
	return r
}

func first(list gjson.Result) (item gjson.Result) {
	if list.IsArray() {
		list.ForEach(func(_, v gjson.Result) bool {
			item = v
			return false
		})
	}
	return item
}

func (r *reply) readChoice(choice gjson.Result) {
	if !choice.IsObject() {
		return
	}
	r.found = true
	choice.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "message":
			r.content = text(value.Get("content"))
			r.refusal = strings.Clone(value.Get("refusal").String())
		case "finish_reason":
			r.finish = strings.Clone(value.String())
		case "logprobs":
			r.logprobs = value.Get("content")
		}
		return true
	})
}

// text returns a message's content, a string or a list of text parts.
func text(content gjson.Result) string {
	if !content.IsArray() {
		return strings.Clone(content.String())
	}
	var b strings.Builder
	content.ForEach(func(_, part gjson.Result) bool {
		b.WriteString(part.Get("text").String())
		return true
	})
	return b.String()
}

func (r *reply) readUsage(usage gjson.Result) {
	r.usage = catalog.Usage{
		Prompt:       max(usage.Get("prompt_tokens").Int(), 0),
		CachedPrompt: max(usage.Get("prompt_tokens_details.cached_tokens").Int(), 0),
		Completion:   max(usage.Get("completion_tokens").Int(), 0),
	}
	r.thinks = usage.Get("completion_tokens_details.reasoning_tokens").Int() > 0
}

// tokens yields the reply's tokens with their log-probabilities, up to the first
// that has none.
func (r *reply) tokens() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if !r.logprobs.IsArray() {
			return
		}
		r.logprobs.ForEach(func(_, t gjson.Result) bool {
			logprob := t.Get("logprob")
			return logprob.Type == gjson.Number && yield(t.Get("token").String(), logprob.Num)
		})
	}
}
