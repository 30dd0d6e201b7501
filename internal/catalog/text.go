package catalog

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxKeyBytes bounds an attribute's name in the text, which is a column's header.
const maxKeyBytes = 64

// AppendText appends the item's text as it is worded for a model, and returns the
// result: a line "key: value" for each field that is not blank. With a picture, it
// appends only the name, type, styles and tags, which help to find the product in it.
// Items with the same text are the same question.
//
// HTML becomes its visible text (see VisibleText). Each field is one line: control characters and line breaks become spaces, runs of
// which count as one; characters that are invisible or turn the text around are
// left out; and a space after each "<", and after the "[" of marks such as "[/INST]",
// breaks closing markers as well as the special tokens of chat templates such as
// "<|im_end|>", which many servers read in texts too. The result is valid UTF-8. Letters
// that look the same and are written differently (Unicode's NFC and NFD) stay
// different, as they are to the model.
func (it *Item) AppendText(dst []byte, picture bool) []byte {
	var room fieldRoom
	for _, f := range it.appendFields(room[:0]) {
		if picture && !slices.Contains(pictureFields, f.Key) {
			continue
		}
		line := len(dst)
		dst = appendClean(dst, f.Key, maxKeyBytes)
		dst = append(dst, ": "...)
		value := len(dst)
		text := VisibleText(f.Value)
		dst = appendClean(dst, text, len(text))
		if len(dst) == value {
			dst = dst[:line]
			continue
		}
		dst = append(dst, '\n')
	}
	return dst
}

// pictureFields are the keys of fields that help to find the product in a picture.
var pictureFields = []string{"name", "type", "styles", "tags"}

// appendClean appends s as one line, at most limit bytes of it.
func appendClean(dst []byte, s string, limit int) []byte {
	if len(s) <= limit && isClean(s) {
		return append(dst, s...)
	}
	start, space := len(dst), false
	for i := 0; i < len(s) && i < limit; {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		i += size
		switch {
		case r == ' ' || unicode.IsSpace(r) || unicode.IsControl(r):
			space = true
			continue
		case r >= utf8.RuneSelf && Hidden(r):
			continue
		}
		if space && len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = utf8.AppendRune(dst, r)
		space = r == '<' || r == '[' && beginsMark(s[i:])
	}
	return dst
}

// beginsMark reports whether a text after "[" is like the special tokens of chat templates,
// "[INST]", "[/SYSTEM_PROMPT]" and "[gMASK]": letters, underscores and slashes, at least three of
// them capitals, and "]". Characters that are left out do not count.
func beginsMark(s string) bool {
	capitals := 0
	for _, r := range s {
		switch {
		case 'A' <= r && r <= 'Z':
			capitals++
		case r == ']':
			return capitals >= 3
		case 'a' <= r && r <= 'z', r == '_', r == '/', r >= utf8.RuneSelf && Hidden(r):
		default:
			return false
		}
	}
	return false
}

// isClean is a fast check that reports whether s needs no change. It may return false
// for a clean text.
func isClean(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7F || c == '<' || c == '[' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return before != ' '
}

// Hidden reports whether r is invisible and useless in a product's text: the
// format characters (byte order marks, bidirectional overrides, soft hyphens, the
// tag characters) and the supplementary variation selectors, in which whole
// sentences can be hidden. The two joiners stay: scripts and emoji need them.
func Hidden(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200C', '\u200D'
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return unicode.Is(unicode.Cf, r) || '\U000E0100' <= r && r <= '\U000E01EF'
}
