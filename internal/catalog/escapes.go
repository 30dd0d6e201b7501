package catalog

import (
	"strings"
	"unicode/utf8"
)

const (
	escape  = '\x1b'
	bell    = '\x07'
	cancel  = '\x18'
	abort   = '\x1a' // SUB
	firstC1 = '\u0080'
	lastC1  = '\u009f'
	endOfC1 = '\u009c' // ST, the end of a control string
)

// WithoutEscapes returns s without the sequences that control a terminal, as ECMA-48 defines
// them: control sequences such as "\x1b[31m", control strings such as a window's title along with
// their text, and the shorter ones. Of a control string without an end only its introducer is
// removed, so that no text is lost to it, and so is each control character of 8 bits (U+0080 to
// U+009F): it is more often a letter of a file with the wrong encoding than the introducer of
// a sequence, and what follows does nothing without it. Other control characters stay. Bytes that
// are no UTF-8 become U+FFFD, since two of them could be the introducer of another sequence once
// what is between them is removed.
func WithoutEscapes(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	start := nextEscape(s)
	if start == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		b.WriteString(s[:start])
		s = s[start:]
		s = s[escapeLength(s):]
		start = nextEscape(s)
	}
	return b.String()
}

// nextEscape returns the place of the first sequence, the length of s if there is none.
func nextEscape(s string) int {
	i := strings.IndexFunc(s, func(r rune) bool { return r == escape || firstC1 <= r && r <= lastC1 })
	if i < 0 {
		return len(s)
	}
	return i
}

// escapeLength returns the bytes of the sequence that s begins with, 0 if s is empty.
func escapeLength(s string) int {
	introducer, size := utf8.DecodeRuneInString(s)
	if introducer != escape {
		return size
	}
	switch short := escapeOf(s); short {
	case "\x1b[": // CSI
		return len(short) + parametersLength(s[len(short):])
	case "\x1bP", "\x1bX", "\x1b]", "\x1b^", "\x1b_": // DCS, SOS, OSC, PM, APC
		return len(short) + textLength(s[len(short):])
	default:
		return len(short)
	}
}

// escapeOf returns the escape sequence that s begins with: ESC, intermediate bytes and a final one,
// or what there is of it.
func escapeOf(s string) string {
	end := 1
	for end < len(s) && s[end] >= 0x20 && s[end] <= 0x2f {
		end++
	}
	if end < len(s) && s[end] >= 0x30 && s[end] <= 0x7e {
		end++
	}
	return s[:end]
}

// parametersLength returns the bytes of a control sequence after its introducer.
func parametersLength(s string) int {
	end := 0
	for end < len(s) && s[end] >= 0x20 && s[end] <= 0x3f {
		end++
	}
	if end < len(s) && s[end] >= 0x40 && s[end] <= 0x7e {
		end++
	}
	return end
}

// textLength returns the bytes of a control string after its introducer, with its end, and 0 if it
// has none.
func textLength(s string) int {
	for i, r := range s {
		switch {
		case r == bell, r == cancel, r == abort:
			return i + 1
		case r == endOfC1:
			return i + utf8.RuneLen(r)
		case r == escape && strings.HasPrefix(s[i:], "\x1b\\"):
			return i + len("\x1b\\")
		case r == escape: // begins the next sequence, and ends this one
			return i
		}
	}
	return 0
}
