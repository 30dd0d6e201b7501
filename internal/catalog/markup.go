package catalog

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxUnescapes is how often a text is unescaped. Exports escape HTML once or twice.
const maxUnescapes = 3

// VisibleText returns the text of s that a browser shows: without tags and comments, without the
// content of scripts, styles and hidden elements, and with its entities resolved.
// Elements that begin a line or a cell begin a line here. HTML that was escaped is read
// too. A "<" that begins no HTML element is text. A text without HTML is returned as it
// is.
func VisibleText(s string) string {
	for range maxUnescapes {
		if strings.IndexByte(s, '<') < 0 && strings.IndexByte(s, '&') < 0 {
			return s
		}
		text := html.UnescapeString(withoutTags(s))
		if text == s {
			return s
		}
		s = text
	}
	return s
}

// display is how an element is shown.
type display uint8

const (
	inline display = iota + 1
	block
	unseen // with all that is in it
)

var elements = map[string]display{}

func init() {
	for display, names := range map[display]string{
		inline: "a abbr acronym b bdi bdo big center cite code data del dfn em embed font i img input ins kbd label mark " +
			"nobr o:p param picture q ruby rp rt s samp small source span strike strong sub sup time tt u var wbr",
		block: "address article aside blockquote body br button caption col colgroup dd details div dl dt fieldset figcaption " +
			"figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li link main menu meta nav ol optgroup option p pre " +
			"section select summary table tbody td tfoot th thead tr ul video audio",
		unseen: "head iframe noscript object script style svg template textarea title",
	} {
		for name := range strings.FieldsSeq(names) {
			elements[name] = display
		}
	}
}

// withoutTags returns s without its tags and the content that is not shown.
func withoutTags(s string) string {
	var b strings.Builder
	sized := len(s) // what is left of s after an element of size 0 with elements that have a size
	for unended := 0; unended < maxOpenTags; {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "<!--") {
			_, s, _ = strings.Cut(s, "-->")
			continue
		}
		if content, ok := strings.CutPrefix(s, "<![CDATA["); ok {
			content, s, _ = strings.Cut(content, "]]>")
			b.WriteString(content)
			continue
		}
		t, ok := readTag(s)
		if !ok {
			if t.shown != 0 {
				unended++
			}
			b.WriteByte('<')
			s = s[1:]
			continue
		}
		s = s[t.size:]
		switch {
		case t.shown == unseen || t.hidden:
			s = afterElement(s, t)
		case t.tiny && len(s) <= sized:
			rest := afterElement(s, t)
			if setsSize.MatchString(s[:len(s)-len(rest)]) {
				sized = len(rest)
			} else {
				s = rest
			}
		}
		if t.shown != inline {
			b.WriteByte('\n')
		}
	}
	b.WriteString(s)
	return b.String()
}

// tag is the beginning or the end of an element.
type tag struct {
	name   string
	size   int // bytes
	closes bool
	hidden bool
	tiny   bool // its text has no size, unless elements in it set one
	shown  display
}

// maxOpenTags is how many tags without an end are searched for one. The rest of such a
// text is text, so that the time stays proportional to it.
const maxOpenTags = 32

// readTag reads the tag at the beginning of s. It returns false if there is none of an
// HTML element, with the element's display if only the tag's end is missing.
func readTag(s string) (t tag, ok bool) {
	if strings.HasPrefix(s, "<!") || strings.HasPrefix(s, "<?") {
		end := strings.IndexByte(s, '>')
		declares := len(s) > 2 && (s[1] == '?' || hasFold(s[2:], "doctype") || s[2] == '[')
		return tag{size: end + 1, closes: true, shown: block}, declares && end > 0
	}
	name := s[1:]
	if t.closes = strings.HasPrefix(name, "/"); t.closes {
		name = name[1:]
	}
	end := strings.IndexFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == ':')
	})
	const longestName = 10
	if end <= 0 || end > longestName || strings.IndexByte(" \t\r\n/>", name[end]) < 0 {
		return tag{}, false
	}
	t.name = strings.ToLower(name[:end])
	t.shown, ok = elements[t.name]
	size := tagEnd(name[end:])
	if !ok || size < 0 {
		return t, false
	}
	attributes := name[end : end+size]
	if !t.closes {
		t.hidden, t.tiny = isHidden(attributes)
	}
	t.size = len(s) - len(name) + end + size
	t.closes = t.closes || strings.HasSuffix(attributes, "/>")
	return t, true
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// tagEnd returns the place after the ">" that ends a tag, or -1. One in a quoted value
// ends no tag.
func tagEnd(s string) int {
	quote := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && i > 0 && (s[i-1] == '=' || s[i-1] == ' '):
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return -1
}

// isHidden reports whether a browser shows nothing of an element with the attributes, and
// whether its text has the size 0.
func isHidden(attributes string) (hidden, tiny bool) {
	if len(attributes) < len(" hidden") {
		return false, false
	}
	compact := strings.ToLower(strings.NewReplacer(" ", "", "\t", "", "\n", "").Replace(attributes))
	hidden = strings.Contains(compact, "display:none") || strings.Contains(compact, "visibility:hidden") ||
		strings.HasPrefix(compact, "hidden") && !strings.HasPrefix(compact, "hidden=\"false") ||
		isZero(compact, "opacity:")
	return hidden, isZero(compact, sizeProperty)
}

const sizeProperty = "font-size:"

// setsSize matches if an element sets a size of text. Shops put their texts into elements of
// size 0, so that the spaces between boxes have no width.
var setsSize = regexp.MustCompile(sizeProperty + `[ 0.]*[1-9]`)

// isZero reports whether a property of a style is there and zero: "0", "0px", "0.0".
func isZero(style, property string) bool {
	for {
		i := strings.Index(style, property)
		if i < 0 {
			return false
		}
		value := style[i+len(property):]
		number := strings.TrimLeft(value, "0.")
		ends := number == "" || strings.IndexByte("123456789", number[0]) < 0
		if before := i == 0 || style[i-1] != '-'; before && ends && len(number) < len(value) {
			return true // and no part of another property's name, such as fill-opacity
		}
		style = value
	}
}

// void are the elements without content.
var void = map[string]bool{
	"br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true, "link": true, "meta": true, "param": true, "source": true, "wbr": true,
}

// afterElement returns s, which follows the tag, from the end of the element on.
func afterElement(s string, t tag) string {
	if t.closes || void[t.name] {
		return s
	}
	for depth, unended := 1, 0; ; {
		i := strings.IndexByte(s, '<')
		if i < 0 || unended == maxOpenTags {
			return ""
		}
		s = s[i:]
		next, ok := readTag(s)
		if !ok && next.shown != 0 {
			unended++
		}
		if !ok || next.name != t.name {
			s = s[1:]
			continue
		}
		s = s[next.size:]
		switch {
		case next.closes:
			depth--
		case t.name != "script" && t.name != "style":
			depth++
		}
		if depth == 0 {
			return s
		}
	}
}

// ClipWords returns s, cut to at most n bytes at the end of a word. It returns s as it is
// if no word ends in the last half of those bytes: such a text has no words.
func ClipWords(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := Clip(s, n)
	end := strings.LastIndexFunc(cut, endsWord)
	if end < n/2 {
		return s
	}
	_, size := utf8.DecodeRuneInString(cut[end:])
	return strings.TrimRightFunc(cut[:end+size], unicode.IsSpace)
}

// endsWord reports whether a text may be cut after r: a space, a mark, or a character of
// a script without spaces.
func endsWord(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsPunct(r) ||
		unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// Fitted returns the item with a description that is within its limit, as far as it can be
// cut: HTML becomes its visible text, of which the first MaxFieldBytes are kept, cut at
// the end of a word. It returns the item itself if the description fits, and reports
// whether text was cut off.
func (it *Item) Fitted() (fitted *Item, cut bool) {
	if len(it.Description) <= MaxFieldBytes {
		return it, false
	}
	short := *it
	visible := VisibleText(it.Description)
	short.Description = ClipWords(visible, MaxFieldBytes)
	return &short, len(short.Description) < len(visible)
}
