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
	prose      = newSound(behaviours["prose"][0].Content)
	jsonObject = newSound(`{"answer":"simulated"}`)
)

// answer is a completion on its way to the client.
type answer struct {
	sound
	finish  string
	message string // JSON in place of the usual message
}

// compose sets the call's answer, as a rule changes its content.
func (c *call) compose(r *Rule) {
	a, q := &c.answer, &c.question
	a.sound, a.finish = *prose, "stop"
	switch {
	case q.template != nil:
		a.sound = *q.template.answer(q.subject)
	case q.format == "json_object":
		a.sound = *jsonObject
	}
	a.message = c.fill(r.Message, r, nil)
	switch tokens := a.tokens; {
	case r.Replace[0] != "":
		a.sound = *newSound(regexp.MustCompile(r.Replace[0]).ReplaceAllString(string(a.text), r.Replace[1]))
		a.tokens = tokens // of a model, which knows nothing of the replacement
	case r.Content != "":
		a.sound = *newSound(c.fill(r.Content, r, nil))
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
	if q.maxTokens > 0 && len(a.text) > 4*q.maxTokens {
		a.cut(4 * q.maxTokens)
	}
}

// cut shortens the content to at most n bytes, never within a rune.
func (a *answer) cut(n int) {
	for n > 0 && n < len(a.text) && !utf8.RuneStart(a.text[n]) {
		n--
	}
	a.sound = *newSound(string(a.text[:n]))
	a.finish = "length"
}

// fill returns a text of a rule with what its words with a dollar sign stand for. The
// body is the sound one, if there is one yet.
func (c *call) fill(text string, r *Rule, body []byte) string {
	if !strings.Contains(text, "$") {
		return text
	}
	left := max(c.first+r.Until-c.arrived, 0) + time.Second - 1 // of which the whole seconds count
	return strings.NewReplacer(
		"$JSON", string(c.answer.text), "$TEXT", `"`+string(c.answer.escaped)+`"`, "$BODY", string(body),
		"$QUESTION", string(gjson.AppendJSONString(nil, c.question.text)), "$KEY", tail(c.secret),
		"$LEFT", strconv.Itoa(int(left/time.Second)), "$DATE", time.Now().Add(left).UTC().Format(http.TimeFormat),
	).Replace(text)
}

// appendBody appends the body of a chat completion, in the provider's order of
// fields.
func (c *call) appendBody(dst []byte, r *Rule) []byte {
	a, u := &c.answer, c.usage
	dst = fmt.Appendf(dst, `{"id":"chatcmpl-%s","object":"chat.completion","created":%d,"model":%s,"choices":[{"index":0,"message":`,
		c.id, time.Now().Unix(), c.question.quoted)
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
