package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fingerprint tells questions apart: equal ones have the same, and different ones
// in practice never do.
type Fingerprint [sha256.Size]byte

// Scope is all that an answer depends on beside the item. The zero value is one
// too.
type Scope struct{ digest [sha256.Size]byte }

// NewScope returns the scope of some parts, whose order counts: the backend, the
// versions of taxonomy and prompt, the model as asked for, its parameters.
func NewScope(parts ...string) Scope {
	b := []byte{'s'}
	for _, part := range parts {
		b = appendWord(b, part)
	}
	return Scope{sha256.Sum256(b)}
}

// With returns a scope within s, such as that of one model.
func (s Scope) With(part string) Scope { return NewScope(string(s.digest[:]), part) }

// The item's text counts as Fields has it, with each run of white space and
// control characters as one space and none at the ends, since that is how it is
// asked. Letters that look the same and are written differently (Unicode's NFC and
// NFD) are different text, to the model as well. The ID is no part of it.
//
// Each part has its length in front, so that nothing can be moved from one to the
// next. The array is room for most items without asking for memory.

type room [1024]byte

// OfText is the fingerprint of the question by the item's text alone. Addresses
// and pictures are no part of it.
func (s Scope) OfText(it *Item) Fingerprint {
	var array room
	b := s.begin(array[:0], 't')
	return sha256.Sum256(appendText(b, it))
}

// OfAddress is the fingerprint of the question by the picture that the item
// brings or names, before that is known: by where it is to come from.
func (s Scope) OfAddress(it *Item) Fingerprint {
	var array room
	b := s.begin(array[:0], 'a')
	b = appendWord(b, strings.TrimSpace(it.ImageURL))
	b = appendWord(b, strings.TrimSpace(it.ProductURL))
	b = appendDigest(b, it.ImageData)
	return sha256.Sum256(appendText(b, it))
}

// OfPicture is the fingerprint of the question by the item's text and a picture,
// wherever that came from.
func (s Scope) OfPicture(it *Item, p *Picture) Fingerprint {
	var array room
	b := s.begin(array[:0], 'p')
	b = appendWord(b, p.MediaType)
	b = appendDigest(b, p.Data)
	return sha256.Sum256(appendText(b, it))
}

func (s Scope) begin(b []byte, kind byte) []byte {
	return append(append(b, kind), s.digest[:]...)
}

func appendWord(b []byte, word string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(word))), word...)
}

func appendDigest(b, data []byte) []byte {
	digest := sha256.Sum256(data)
	return append(b, digest[:]...)
}

func appendText(b []byte, it *Item) []byte {
	fields := it.Fields()
	b = binary.AppendUvarint(b, uint64(len(fields)))
	for i := range fields {
		b = appendWord(b, folded(fields[i].Key))
		b = appendWord(b, folded(fields[i].Value))
	}
	return b
}

// folded returns s with runs of space and control characters as one space.
func folded(s string) string {
	if isFolded(s) {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, isBlank), " ")
}

// isFolded finds most texts in need of no change, at a glance.
func isFolded(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7F || (c == ' ' && before == ' ') {
			return c >= utf8.RuneSelf && isFoldedRunes(s)
		}
		before = c
	}
	return before != ' '
}

func isFoldedRunes(s string) bool {
	before := true
	for _, r := range s {
		blank := isBlank(r)
		if blank && (r != ' ' || before) {
			return false
		}
		before = blank
	}
	return !before
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
