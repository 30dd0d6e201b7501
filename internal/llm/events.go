package llm

import (
	"cmp"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// isEventStream reports whether a body is server-sent events and not one document: some
// servers stream although they were not asked to.
func isEventStream(body string) bool {
	for _, field := range []string{"data:", "event:", "id:", "retry:", ":"} {
		if strings.HasPrefix(body, field) {
			return true
		}
	}
	return false
}

// isLines reports whether a body is the chunks of a stream, one a line without the marks of
// an event stream.
func isLines(body string) bool {
	first, _, more := strings.Cut(body, "\n{")
	return more && (strings.Contains(first, `"delta"`) || strings.Contains(first, `"done"`))
}

// readEvents reads the chunks of a streamed completion as if it had come whole.
func (r *reply) readEvents(body string) {
	var s streamed
	var last gjson.Result
	if !strings.Contains(body, "\n") {
		body = strings.ReplaceAll(body, "\r", "\n")
	}
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		if !ok && !strings.HasPrefix(data, "{") {
			continue
		}
		chunk := gjson.Parse(data)
		if chunk.IsObject() {
			last = chunk
		}
		if u := chunk.Get("usage"); u.IsObject() {
			r.usage, r.total = catalog.Usage{}, 0
			r.readUsage(&cursor{text: u.Raw})
		}
		if e := chunk.Get("error"); e.Exists() {
			r.fault, r.root = e, chunk
		}
		if choice := first(chunk.Get("choices")); choice.IsObject() {
			r.found = true
			s.add(choice)
			r.finish = cmp.Or(strings.Clone(choice.Get("finish_reason").String()), r.finish)
		} else if message := chunk.Get("message"); message.IsObject() { // Ollama's own form
			r.found = true
			s.addDelta(message)
			r.finish = cmp.Or(strings.Clone(chunk.Get("done_reason").String()), r.finish)
		} else if text := chunk.Get("delta.text"); text.Exists() { // Anthropic's own form
			r.found = true
			s.content.WriteString(text.String())
		}
	}
	r.refusal, r.thought = s.refusal.String(), s.reasoning.String()
	r.tokens.list = "[" + strings.Join(s.logprobs, ",") + "]"
	r.addText(s.content.String())
	r.addText(s.arguments.String())
	if len(r.texts) == 0 {
		r.addText(r.thought)
	}
	if !r.found { // the last event of the Responses API has the whole
		r.readAnywhere(last)
	}
}

// streamed is a message that comes in chunks.
type streamed struct {
	content, reasoning, arguments, refusal strings.Builder
	logprobs                               []string
}

func (s *streamed) add(choice gjson.Result) {
	delta, message := choice.Get("delta"), choice.Get("message")
	switch {
	case delta.Exists(): // Together repeats it as the text of the older API
	case message.Exists(): // the whole message so far
		delta = message
		s.content.Reset()
		s.reasoning.Reset()
	default:
		s.content.WriteString(choice.Get("text").String()) // of the older API
	}
	s.addDelta(delta)
	choice.Get("logprobs.content").ForEach(func(_, token gjson.Result) bool {
		s.logprobs = append(s.logprobs, token.Raw)
		return true
	})
}

func (s *streamed) addDelta(delta gjson.Result) {
	s.content.WriteString(contentText(delta.Get("content")))
	s.reasoning.WriteString(delta.Get("reasoning_content").String() + delta.Get("reasoning").String())
	s.arguments.WriteString(delta.Get("tool_calls.0.function.arguments").String())
	s.refusal.WriteString(delta.Get("refusal").String())
}
