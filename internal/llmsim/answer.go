package llmsim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// answer is a completion on its way to the client.
type answer struct {
	content
	finish string
}

// compose sets the call's answer, as a rule changes its content.
func (c *call) compose(r *Rule) {
	a := &c.answer
	*a = answer{content: content{text: behaviours["prose"][0].Content}, finish: "stop"}
	switch {
	case c.template != nil:
		a.content = *c.template.answer(c.subject)
	case c.format == "json_object":
		a.text = `{"answer":"simulated"}`
	}
	a.text = r.Replace.in(a.text) // the log-probabilities are of a model, which knows nothing of it
	switch {
	case r.Content != "":
		a.content = content{text: c.fill(r.Content, r, nil)}
	case r.Cut:
		a.cut(len(a.text) / 2)
	}
	if a.tokens = r.Tokens.in(a.tokens); r.Message != "" {
		a.tokens = ""
	}
	a.finish = cmp.Or(r.Finish, a.finish)
	if c.maxTokens > 0 && len(a.text) > 4*c.maxTokens {
		a.cut(4 * c.maxTokens)
	}
}

// cut shortens the content to at most n bytes, never within a rune.
func (a *answer) cut(n int) {
	for n > 0 && n < len(a.text) && !utf8.RuneStart(a.text[n]) {
		n--
	}
	a.content, a.finish = content{text: a.text[:n]}, "length"
}

// fill returns a text of a rule with what its words with a dollar sign stand for. The
// body is the sound one, if there is one yet.
func (c *call) fill(text string, r *Rule, body []byte) string {
	if !strings.Contains(text, "$") {
		return text
	}
	left := max(c.first+r.Until-c.arrived, 0) + time.Second - 1 // of which the whole seconds count
	return strings.NewReplacer(
		"$JSON", c.answer.text, "$TEXT", quoted(c.answer.text), "$BODY", string(body),
		"$QUESTION", quoted(c.text), "$KEY", tail(c.secret),
		"$LEFT", strconv.Itoa(int(left/time.Second)), "$DATE", time.Now().Add(left).UTC().Format(http.TimeFormat),
	).Replace(text)
}

func quoted(text string) string { return string(gjson.AppendJSONString(nil, text)) }

// appendBody appends the body of a chat completion, in the provider's order of
// fields.
func (c *call) appendBody(dst []byte, r *Rule) []byte {
	a, u := &c.answer, c.usage
	dst = fmt.Appendf(dst, `{"id":"chatcmpl-%s","object":"chat.completion","created":%d,"model":%s,"choices":[{"index":0,"message":`,
		c.id, time.Now().Unix(), quoted(c.model))
	if r.Message != "" {
		dst = append(dst, c.fill(r.Message, r, nil)...)
	} else {
		dst = append(dst, `{"role":"assistant","content":`...)
		dst = gjson.AppendJSONString(dst, a.text)
		dst = append(dst, `,"refusal":null,"annotations":[]}`...)
	}
	if a.tokens != "" {
		dst = append(dst, `,"logprobs":{"content":[`...)
		dst = append(dst, a.tokens...)
		dst = append(dst, `],"refusal":null}`...)
	} else {
		dst = append(dst, `,"logprobs":null`...)
	}
	dst = fmt.Appendf(dst, `,"finish_reason":%q%s}],"usage":`, a.finish, r.Choice)
	if r.Usage != "" {
		return append(append(dst, r.Usage...), '}')
	}
	return fmt.Appendf(dst, `{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,`+
		`"prompt_tokens_details":{"cached_tokens":%d,"cache_write_tokens":%d,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,`+
		`"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_llmsim"}`,
		u.Prompt, u.Completion, u.total(), u.Cached, u.Written)
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
