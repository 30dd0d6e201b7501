package prompt

import (
	"regexp"
	"strings"
)

// marks match what models write between their thoughts and the answer, which follows the
// last of them: the closing tag of thoughts, however it is written, or a channel's mark.
// "assistantfinal" is what remains of the channels' marks when a server removes the special
// tokens. Others name the end of their thoughts: <|END_THINKING|>, <|end_of_thought|>, <unused95>,
// or close what hides them on a page (</details>).
var marks = regexp.MustCompile(`(?i)<\|(?:/|end_(?:of_)?)th(?:ink|ought)[a-z]*\|>|<unused95>|<channel\|>|<\|inner_suffix\|>|\.\.\.done thinking\.|here is my response:|\[begin final response\]|[<\[◁]/[a-z_:]*(?:think|thought|reason|reflect|analysis|scratch|details)[a-z_]*\s*[>\]▷]|<\|message\|>|assistantfinal`)

// thoughts match the marks that open thoughts.
var thoughts = regexp.MustCompile(`(?i)[<◁][a-z_:]*(?:think|thought|reason|reflect|analysis|scratch|details)[a-z_]*(?:\s[^<>{}]{0,80})?[>▷]|\[think\]` +
	`|<\|(?:start|begin)_(?:of_)?th(?:ink|ought)[a-z]*\|>|<\|channel\|>analysis|<\|channel>thought|<unused94>`)

// EndsInThoughts reports whether a reply ends within thoughts, so that what looks like an
// answer there may be a draft.
func EndsInThoughts(reply string) bool {
	opened, closed := thoughts.FindAllStringIndex(reply, -1), marks.FindAllStringIndex(reply, -1)
	if opened == nil {
		return false
	}
	last := opened[len(opened)-1]
	if strings.HasSuffix(reply[last[0]:last[1]], "analysis") { // a channel: the next one ends it
		return !strings.Contains(reply[last[1]:], "<|channel|>")
	}
	return closed == nil || closed[len(closed)-1][0] < last[0]
}

// withoutThoughts returns what follows the thoughts. If they are an explanation behind the answer,
// and have no other one, it is what they follow.
func withoutThoughts(reply string) string {
	closed := marks.FindAllStringIndex(reply, -1)
	if closed == nil {
		return reply
	}
	opened := thoughts.FindAllStringIndex(reply, -1)
	if len(opened) == len(closed) && opened[0][0] < closed[0][0] && strings.Contains(reply[:opened[0][0]], "{") && !strings.Contains(reply[opened[0][0]:], "{") {
		return reply[:opened[0][0]]
	}
	return strings.TrimSpace(reply[closed[len(closed)-1][1]:])
}
