package prompt

import (
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxKeyBytes bounds an attribute's name, which is a column's header.
const maxKeyBytes = 64

// AppendUser appends the user text for an item to dst and returns the result.
// With a picture only what helps to find the product in it is given: name, type,
// styles and tags.
//
// Whatever an item says stays data. Each field is one line, so that nothing in
// it can stand alone as the closing marker; control characters and line breaks
// become spaces; characters that are invisible or turn the text around are left
// out; and a space after each "<" breaks markers as well as the special tokens
// of chat templates such as "<|im_end|>". The result is valid UTF-8.
func (p *Prompt) AppendUser(dst []byte, it *catalog.Item, picture bool) []byte {
	if picture {
		dst = append(dst, "Classify the product in the picture. What the shop says of it:\n<product>\n"...)
	} else {
		dst = append(dst, "Classify this product:\n<product>\n"...)
	}
	for _, f := range it.Fields() {
		if picture && !helpsPicture(f.Key) {
			continue
		}
		dst = appendClean(dst, f.Key, maxKeyBytes)
		dst = append(dst, ": "...)
		dst = appendClean(dst, f.Value, len(f.Value))
		dst = append(dst, '\n')
	}
	return append(dst, "</product>"...)
}

func helpsPicture(key string) bool {
	switch key {
	case "name", "type", "styles", "tags":
		return true
	}
	return false
}

// appendClean appends s as one line, at most limit bytes of it.
func appendClean(dst []byte, s string, limit int) []byte {
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
		case r >= utf8.RuneSelf && hidden(r):
			continue
		}
		if space && len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = utf8.AppendRune(dst, r)
		space = r == '<'
	}
	return dst
}

// hidden reports whether r is invisible and of no use in a product's text: the
// format characters (byte order marks, bidirectional overrides, soft hyphens, the
// tag characters) and the supplementary variation selectors, in which whole
// sentences can be hidden. The two joiners stay: scripts and emoji need them.
func hidden(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200C', '\u200D'
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return unicode.Is(unicode.Cf, r) || '\U000E0100' <= r && r <= '\U000E01EF'
}
