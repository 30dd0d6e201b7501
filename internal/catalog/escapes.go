package catalog

import (
	"regexp"
	"strings"
)

// The parts of what controls a terminal.
const (
	controlSequence = `\x1b\[[ -?]*[@-~]?`                     // CSI, parameters and a final byte, or what there is of it
	controlString   = `\x1b[PX\]^_][^\x07\x18\x1a\x1b\x{9c}]*` // DCS, SOS, OSC, PM or APC with its text, but without its end
	endedString     = controlString + `[\x07\x18\x1a\x{9c}]`   // by BEL, CAN, SUB or ST
	otherSequence   = `\x1b[ -/]*[0-~]?`                       // ESC, intermediate bytes and a final one, or what there is of it
	anySequence     = endedString + `|` + controlSequence + `|` + otherSequence
	eightBits       = `[\x{80}-\x{9f}]`
)

// escapes matches a sequence, with the control strings that its ESC ends: "\x1b\\" does too.
var escapes = regexp.MustCompile(`(?:` + controlString + `)*(?:` + anySequence + `)|` + eightBits)

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
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\x1b' || '\u0080' <= r && r <= '\u009f' }) {
		return s // most texts, of which the expression would take longer to tell
	}
	return escapes.ReplaceAllString(s, "")
}
