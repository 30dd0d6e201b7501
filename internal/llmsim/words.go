package llmsim

import (
	"regexp/syntax"
	"strconv"
)

// words are plain ASCII, so that they need no escapes in JSON, and their number
// is no multiple of small ones, so that neighbours in an array differ.
var words = [...]string{
	"amber", "broad", "calm", "clear", "close", "cool", "dense", "early", "even", "fair", "fine",
	"firm", "fresh", "full", "gentle", "grand", "keen", "large", "level", "light", "long", "low",
	"mild", "narrow", "neat", "open", "pale", "plain", "quiet", "rare", "ready", "rich", "round",
	"sharp", "short", "simple", "slim", "small", "smooth", "soft", "solid", "square", "steady",
	"still", "strong", "sturdy", "tall", "thin", "tidy", "warm", "wide", "bright", "common",
}

// samples are values for the formats that providers allow.
var samples = map[string]string{
	"date-time": "2025-05-17T09:30:00Z",
	"date":      "2025-05-17",
	"time":      "09:30:00Z",
	"duration":  "P1D",
	"email":     "someone@example.com",
	"hostname":  "www.example.com",
	"uri":       "https://www.example.com/",
	"ipv4":      "192.0.2.1",
	"ipv6":      "2001:db8::1",
	"uuid":      "3f1c2a9e-6b7d-4e58-9a10-2c4b6d8e0f12",
}

// str writes a string: of its format, of its pattern, or a few words.
func (in *instance) str(n *node, at place) {
	in.text = append(in.text, '"')
	switch sample := samples[n.format]; {
	case sample != "":
		in.text = append(in.text, sample...)
	case n.pattern != nil:
		start := len(in.text)
		written := append([]byte(nil), in.matching(nil, n.pattern)...)
		in.text = appendEscaped(in.text[:start], written)
	default:
		in.phrase(n, at)
	}
	in.text = append(in.text, '"')
}

// phrase writes words within the string's length. A sentence stands alone, one or
// two words in an array, and there the first word is the neighbours' difference.
func (in *instance) phrase(n *node, at place) {
	start := len(in.text)
	count := 5 + in.dice.below(8)
	first := in.dice.below(len(words))
	if at.listed {
		count = 1 + in.dice.below(2)
		first = (at.start + at.index) % len(words)
	}
	in.text = append(in.text, words[first]...)
	for i := 1; i < count || len(in.text)-start < n.minLength; i++ {
		in.text = append(in.text, ' ')
		in.text = append(in.text, words[in.dice.below(len(words))]...)
	}
	if at.listed && at.index >= len(words) { // out of words: number them
		in.text = strconv.AppendInt(append(in.text, ' '), int64(at.index), 10)
	}
	if n.maxLength >= 0 && len(in.text)-start > n.maxLength {
		in.text = in.text[:start+n.maxLength]
	}
}

// matching appends a text that a regular expression matches.
func (in *instance) matching(dst []byte, re *syntax.Regexp) []byte {
	switch re.Op {
	case syntax.OpLiteral:
		return append(dst, string(re.Rune)...)
	case syntax.OpCharClass:
		return in.member(dst, re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return append(dst, byte('a'+in.dice.below(26)))
	case syntax.OpStar:
		return in.repeat(dst, re.Sub[0], in.dice.below(4))
	case syntax.OpPlus:
		return in.repeat(dst, re.Sub[0], 1+in.dice.below(4))
	case syntax.OpQuest:
		return in.repeat(dst, re.Sub[0], in.dice.below(2))
	case syntax.OpConcat, syntax.OpCapture:
		for _, part := range re.Sub {
			dst = in.matching(dst, part)
		}
	case syntax.OpAlternate:
		return in.matching(dst, re.Sub[in.dice.below(len(re.Sub))])
	default: // anchors, word borders and the empty match
	}
	return dst
}

func (in *instance) repeat(dst []byte, re *syntax.Regexp, times int) []byte {
	for range times {
		dst = in.matching(dst, re)
	}
	return dst
}

// member appends a member of a character class, given as pairs of ends. The class
// is cut to printable ASCII where it has any of it.
func (in *instance) member(dst []byte, pairs []rune) []byte {
	var printable []rune
	for i := 0; i+1 < len(pairs); i += 2 {
		if low, high := max(pairs[i], ' '), min(pairs[i+1], '~'); low <= high {
			printable = append(printable, low, high)
		}
	}
	if len(printable) > 0 {
		pairs = printable
	}
	if len(pairs) == 0 {
		return dst
	}
	i := in.dice.below(len(pairs)/2) * 2
	return append(dst, string(pairs[i]+rune(in.dice.below(int(pairs[i+1]-pairs[i])+1)))...)
}
