package llmsim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// The answers to questions without a schema.
var (
	prose      = newSound("This is a simulated answer in plain words, of the length that a model might use for it.")
	jsonObject = newSound(`{"answer":"simulated"}`)
)

// answer is a completion on its way to the client.
type answer struct {
	sound
	finish  string
	message string // JSON in place of the usual message
	choice  string // further members of the choice, each after a comma
	usage   string // JSON in place of the usual usage
}

// compose returns the answer to a question, as a rule changes it; nil changes
// nothing.
func compose(q *question, rule *Rule) answer {
	a := answer{sound: *prose, finish: "stop"}
	switch {
	case q.template != nil:
		a.sound = *q.template.answer(q.subject)
	case q.format == "json_object":
		a.sound = *jsonObject
	}
	if rule != nil {
		a.change(rule, q.text)
	}
	if q.maxTokens > 0 && len(a.text) > 4*q.maxTokens {
		a.cut(4 * q.maxTokens)
	}
	return a
}

// change applies what a rule does to a sound answer to a question.
func (a *answer) change(r *Rule, question string) {
	fill := a.placeholders("$QUESTION", string(gjson.AppendJSONString(nil, question))).Replace
	a.message, a.choice, a.usage = fill(r.Message), r.Choice, r.Usage
	switch tokens := a.tokens; {
	case r.Replace[0] != "":
		a.sound = *newSound(regexp.MustCompile(r.Replace[0]).ReplaceAllString(string(a.text), r.Replace[1]))
		a.tokens = tokens // of a model, which knows nothing of the replacement
	case r.Content != "":
		a.sound = *newSound(fill(r.Content))
	case r.Cut:
		a.cut(len(a.text) / 2)
	}
	if r.Tokens[0] != "" {
		a.tokens = regexp.MustCompile(r.Tokens[0]).ReplaceAll(a.tokens, []byte(r.Tokens[1]))
	}
	if r.NoLogprobs || r.Message != "" {
		a.tokens = nil
	}
	a.finish = cmp.Or(r.Finish, a.finish)
}

// placeholders fills in what rules say with a dollar sign.
func (a *answer) placeholders(more ...string) *strings.Replacer {
	return strings.NewReplacer(append(more, "$JSON", string(a.text), "$TEXT", `"`+string(a.escaped)+`"`)...)
}

// cut shortens the content to at most n bytes, never within a rune.
func (a *answer) cut(n int) {
	for n > 0 && n < len(a.text) && !utf8.RuneStart(a.text[n]) {
		n--
	}
	a.sound = *newSound(string(a.text[:n]))
	a.finish = "length"
}

// completionTokens is what the answer costs.
func (a *answer) completionTokens() int { return max(tokensOf(len(a.text)), 1) }

// usage counts the tokens of one call.
type usage struct{ prompt, completion, cached, written int }

func (u usage) total() int { return u.prompt + u.completion }

// appendBody appends the body of a chat completion, in the provider's order of
// fields.
func (a *answer) appendBody(dst []byte, model string, u usage, serial uint64, now time.Time) []byte {
	dst = fmt.Appendf(dst, `{"id":"chatcmpl-%s","object":"chat.completion","created":%d,"model":%s,"choices":[{"index":0,"message":`,
		id(serial), now.Unix(), model)
	if a.message != "" {
		dst = append(dst, a.message...)
	} else {
		dst = append(dst, `{"role":"assistant","content":"`...)
		dst = append(dst, a.escaped...)
		dst = append(dst, `","refusal":null,"annotations":[]}`...)
	}
	if len(a.tokens) > 0 {
		dst = append(dst, `,"logprobs":{"content":[`...)
		dst = append(dst, a.tokens...)
		dst = append(dst, `],"refusal":null}`...)
	} else {
		dst = append(dst, `,"logprobs":null`...)
	}
	if a.usage != "" {
		return fmt.Appendf(dst, `,"finish_reason":%q%s}],"usage":%s}`, a.finish, a.choice, a.usage)
	}
	return fmt.Appendf(dst, `,"finish_reason":%q%s}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,`+
		`"prompt_tokens_details":{"cached_tokens":%d,"cache_write_tokens":%d,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,`+
		`"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_llmsim"}`,
		a.finish, a.choice, u.prompt, u.completion, u.total(), u.cached, u.written)
}

// id returns a call's number in 16 hexadecimal digits, mixed so that ids of
// neighbours look different.
func id(serial uint64) string {
	text := strconv.FormatUint(serial*0x9e3779b97f4a7c15, 16)
	return "0000000000000000"[len(text):] + text
}

// appendEscaped appends text as the inside of a JSON string.
func appendEscaped(dst, text []byte) []byte {
	start := len(dst)
	dst = gjson.AppendJSONString(dst, string(text))
	return append(dst[:start], dst[start+1:len(dst)-1]...)
}

// changed returns the body that a rule puts in the place of the sound one, and sets
// its headers.
func (c *call) changed(h http.Header, r *Rule, sound []byte) []byte {
	left := max(c.first+r.Until-c.arrived, 0)
	fill := c.answer.placeholders(
		"$BODY", string(sound), "$KEY", tail(c.secret),
		"$LEFT", strconv.Itoa(int((left+time.Second-1)/time.Second)),
		"$DATE", time.Now().Add(left+time.Second-1).UTC().Format(http.TimeFormat),
	).Replace
	for name, value := range r.Header {
		h.Set(name, fill(value))
	}
	if r.Body != "" {
		sound = []byte(fill(r.Body))
	}
	if r.Events && c.question.stream {
		h.Set("Content-Type", "text/event-stream")
		sound = asEvents(sound)
	}
	if r.Gzip {
		h.Set("Content-Encoding", "gzip")
		sound = compressed(sound)
	}
	return sound
}

// asEvents returns a completion as the events of a stream.
func asEvents(body []byte) []byte {
	chunk := bytes.Replace(body, []byte(`"message":`), []byte(`"delta":`), 1)
	return slices.Concat([]byte("data: "), chunk, []byte("\n\ndata: [DONE]\n\n"))
}

func compressed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
