package llm

import (
	"iter"

	"github.com/tidwall/gjson"
)

// tokens are those of a reply with their log-probabilities, read when they are asked for.
// It is a prompt.Tokens.
type tokens struct {
	list string   // begins with the list; empty: there is none
	top  []string // begins with the alternatives of each token read, empty if it has none
}

// find looks for the list in a choice's logprobs, and skips them. The member of the choice
// that is named next, if it is still to come, spares reading the list. Some servers have the
// lists of the older API there.
func (t *tokens) find(c *cursor, next string) {
	var texts, logprobs gjson.Result
	c.members(func(name string) bool {
		switch {
		case name == "content" && c.peek() == '[':
			t.list = c.text[c.at:]
			if next != "" && c.jump(next) {
				return false
			}
			c.skip()
		case name == "tokens":
			texts = c.value()
		case name == "token_logprobs":
			logprobs = c.value()
		default:
			c.skip()
		}
		return true
	})
	if t.list == "" && texts.IsArray() && logprobs.IsArray() {
		t.list = joined(firstJoined(texts), firstJoined(logprobs))
	}
}

// maxJoined is how many tokens of the older API's lists are read: many more than an answer has
// up to its category.
const maxJoined = 4096

func firstJoined(list gjson.Result) (items []gjson.Result) {
	list.ForEach(func(_, item gjson.Result) bool {
		items = append(items, item)
		return len(items) < maxJoined
	})
	return items
}

// joined returns a list of tokens with their log-probabilities.
func joined(texts, logprobs []gjson.Result) string {
	list := []byte{'['}
	for i := range min(len(texts), len(logprobs)) {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(append(list, `{"token":`...), texts[i].Raw...)
		list = append(append(append(list, `,"logprob":`...), logprobs[i].Raw...), '}')
	}
	return string(append(list, ']'))
}

// All yields the tokens, up to the first that has no log-probability.
func (t *tokens) All() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		t.top = t.top[:0]
		eachToken(t.list, func(token string, logprob float64, top string) bool {
			t.top = append(t.top, top)
			return yield(token, logprob)
		})
	}
}

// Top yields the likeliest tokens at the place of one that All has yielded.
func (t *tokens) Top(i int) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		eachToken(t.top[i], func(token string, logprob float64, _ string) bool { return yield(token, logprob) })
	}
}

// eachToken reads a list of tokens that a text begins with. top begins with a token's own
// list.
func eachToken(list string, f func(token string, logprob float64, top string) bool) {
	c := cursor{text: list}
	if c.peek() != '[' {
		return
	}
	c.elements(func() bool {
		var token, logprob gjson.Result
		var top string
		c.members(func(name string) bool {
			switch name {
			case "token":
				token = c.value()
			case "logprob":
				logprob = c.value()
			case "top_logprobs":
				top = c.raw()
			default:
				c.skip()
			}
			return true
		})
		return logprob.Type == gjson.Number && f(token.String(), logprob.Num, top)
	})
}
