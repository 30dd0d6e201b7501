package llm

import (
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
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

// joinEvents puts the chunks of a streamed completion together to one as it would have
// come whole. Errors among the events are kept.
func joinEvents(body string) string {
	var s streamed
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		if !ok {
			continue
		}
		if chunk := gjson.Parse(data); chunk.IsObject() {
			s.add(chunk)
		}
	}
	return s.whole()
}

// streamed is a completion that comes in chunks.
type streamed struct {
	content, reasoning, arguments, refusal strings.Builder
	finish                                 string
	logprobs                               []string
	usage, fault                           string
	found                                  bool
}

func (s *streamed) add(chunk gjson.Result) {
	if u := chunk.Get("usage"); u.IsObject() {
		s.usage = u.Raw
	}
	if e := chunk.Get("error"); e.Exists() {
		s.fault = e.Raw
	}
	choice := first(chunk.Get("choices"))
	if !choice.IsObject() {
		return
	}
	s.found = true
	delta := choice.Get("delta")
	if !delta.Exists() { // the whole message so far
		delta = choice.Get("message")
		s.content.Reset()
		s.reasoning.Reset()
	}
	s.content.WriteString(contentText(delta.Get("content")))
	s.reasoning.WriteString(delta.Get("reasoning_content").String() + delta.Get("reasoning").String())
	s.arguments.WriteString(delta.Get("tool_calls.0.function.arguments").String())
	s.refusal.WriteString(delta.Get("refusal").String())
	if f := choice.Get("finish_reason").String(); f != "" {
		s.finish = f
	}
	choice.Get("logprobs.content").ForEach(func(_, token gjson.Result) bool {
		s.logprobs = append(s.logprobs, token.Raw)
		return true
	})
}

func (s *streamed) whole() string {
	out := `{}`
	set := func(path string, value any) { out, _ = sjson.Set(out, path, value) }
	raw := func(path, value string) { out, _ = sjson.SetRaw(out, path, value) }
	if s.fault != "" {
		raw("error", s.fault)
	}
	if s.usage != "" {
		raw("usage", s.usage)
	}
	if !s.found {
		return out
	}
	set("choices.0.message.content", s.content.String())
	set("choices.0.finish_reason", s.finish)
	for path, text := range map[string]string{
		"choices.0.message.reasoning_content":               s.reasoning.String(),
		"choices.0.message.tool_calls.0.function.arguments": s.arguments.String(),
		"choices.0.message.refusal":                         s.refusal.String(),
	} {
		if text != "" {
			set(path, text)
		}
	}
	if len(s.logprobs) > 0 {
		raw("choices.0.logprobs.content", "["+strings.Join(s.logprobs, ",")+"]")
	}
	return out
}
