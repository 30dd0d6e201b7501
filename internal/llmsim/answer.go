package llmsim

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// The contents of answers that are no instance of a schema.
const (
	proseText    = "This is a simulated answer in plain words, of the length that a model might use for it."
	fenceHead    = "Here is the result:\n```json\n"
	fenceTail    = "\n```"
	babbleText   = "Certainly! Let me think about {this: one, step by"
	garbageText  = "\x00\x17\xfe}{]\"\xc3:::"
	mismatchText = `{"simulated":"an object that follows no schema"}`
	objectText   = `{"answer":"simulated"}`
	refusalText  = "I'm sorry, but I can't assist with that request."
	pageText     = "<html><head><title>Welcome</title></head><body>A proxy's page.</body></html>\n"
)

// answer is a completion on its way to the wire.
type answer struct {
	instance
	content []byte
	finish  string
	refusal bool
	// logprobs: there are some to give. Only instances of a schema have them.
	logprobs bool
}

// compose fills in the content that belongs to a question and its mishap.
func (a *answer) compose(q *question, schema *node, mode AnswerMode, m mishap) {
	a.finish, a.refusal, a.logprobs = "stop", false, false
	a.content = append(a.content[:0], a.plain(q, schema, mode)...)
	switch m {
	case babble:
		a.replace(babbleText)
	case mismatch:
		a.replace(mismatchText)
	case refuse:
		a.replace("")
		a.refusal = true
	case filter:
		a.replace("")
		a.finish = "content_filter"
	case cut:
		a.cut(len(a.content) / 2)
	default: // the others leave the content alone
	}
	if q.maxTokens > 0 && len(a.content) > 4*q.maxTokens {
		a.cut(4 * q.maxTokens)
	}
}

// plain returns the content of an answer without a mishap.
func (a *answer) plain(q *question, schema *node, mode AnswerMode) []byte {
	a.spans = a.spans[:0]
	switch {
	case schema == nil && string(q.format) == "json_object":
		return []byte(objectText)
	case schema == nil || mode == AnswerProse:
		return []byte(proseText)
	}
	a.fill(schema, q.subject)
	a.logprobs = q.logprobs
	if mode != AnswerFenced {
		return a.text
	}
	a.logprobs = false
	a.text = append(a.text, fenceTail...)
	return append([]byte(fenceHead), a.text...)
}

func (a *answer) replace(text string) {
	a.content = append(a.content[:0], text...)
	a.spans, a.logprobs = a.spans[:0], false
}

// cut shortens the content to at most n bytes, never within a rune.
func (a *answer) cut(n int) {
	for n > 0 && n < len(a.content) && !utf8.RuneStart(a.content[n]) {
		n--
	}
	a.content = a.content[:n]
	a.finish = "length"
}

// completionTokens is what the answer costs.
func (a *answer) completionTokens() int {
	if a.refusal {
		return tokensOf(len(refusalText))
	}
	return tokensOf(len(a.content))
}

// usage is what an answer says that it has cost.
type usage struct{ prompt, cached, completion int }

func (u usage) total() int { return u.prompt + u.completion }

// appendCompletion appends the body of a chat completion, in the provider's order
// of fields.
func (a *answer) appendCompletion(dst []byte, q *question, u usage, serial uint64, now time.Time) []byte {
	dst = append(dst, `{"id":"chatcmpl-`...)
	dst = appendHex(dst, serial)
	dst = append(dst, `","object":"chat.completion","created":`...)
	dst = strconv.AppendInt(dst, now.Unix(), 10)
	dst = append(dst, `,"model":"`...)
	dst = append(dst, q.model...)
	dst = append(dst, `","choices":[{"index":0,"message":{"role":"assistant","content":`...)
	if a.refusal {
		dst = append(dst, `null,"refusal":"`...)
		dst = append(dst, refusalText...)
		dst = append(dst, '"')
	} else {
		dst = append(dst, '"')
		dst = appendEscaped(dst, a.content)
		dst = append(dst, `","refusal":null`...)
	}
	dst = append(dst, `,"annotations":[]},"logprobs":`...)
	if a.logprobs {
		dst = appendLogprobs(dst, a.content, a.spans, q.subject, q.topLogprobs)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"finish_reason":"`...)
	dst = append(dst, a.finish...)
	dst = append(dst, `"}],"usage":{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.prompt), 10)
	dst = append(dst, `,"completion_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.completion), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.total()), 10)
	dst = append(dst, `,"prompt_tokens_details":{"cached_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.cached), 10)
	dst = append(dst, `,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,`...)
	dst = append(dst, `"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},`...)
	return append(dst, `"service_tier":"default","system_fingerprint":"fp_llmsim"}`...)
}

// appendHex appends a number as 16 hexadecimal digits, mixed so that ids of
// neighbours look different.
func appendHex(dst []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	d := dice(n)
	n = d.next()
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&15])
	}
	return dst
}
