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
	w := newWords('s')
	for _, part := range parts {
		w.add(part)
	}
	return Scope{w.sum()}
}

// With returns a scope within s, such as that of one model.
func (s Scope) With(part string) Scope { return NewScope(string(s.digest[:]), part) }

// The item's text counts as Fields has it, with each run of white space and
// control characters as one space and none at the ends, since that is how it is
// asked. Letters that look the same and are written differently (Unicode's NFC and
// NFD) are different text, to the model as well. The ID is no part of it.

// OfText is the fingerprint of the question by the item's text alone. Addresses
// and pictures are no part of it.
func (s Scope) OfText(it *Item) Fingerprint {
	w := s.words('t')
	w.addText(it)
	return w.sum()
}

// OfAddress is the fingerprint of the question by the picture that the item
// brings or names, before that is known: by where it is to come from.
func (s Scope) OfAddress(it *Item) Fingerprint {
	w := s.words('a')
	w.add(strings.TrimSpace(it.ImageURL))
	w.add(strings.TrimSpace(it.ProductURL))
	data := sha256.Sum256(it.ImageData)
	w.add(string(data[:]))
	w.addText(it)
	return w.sum()
}

// OfPicture is the fingerprint of the question by the item's text and a picture,
// wherever that came from.
func (s Scope) OfPicture(it *Item, p *Picture) Fingerprint {
	w := s.words('p')
	w.add(p.MediaType)
	data := sha256.Sum256(p.Data)
	w.add(string(data[:]))
	w.addText(it)
	return w.sum()
}

func (s Scope) words(kind byte) *words {
	w := newWords(kind)
	w.buf = append(w.buf, s.digest[:]...)
	return w
}

// words is text to be hashed, each word with its length in front, so that nothing
// can be moved from one to the next.
type words struct {
	buf   []byte
	array [512]byte
}

func newWords(kind byte) *words {
	w := &words{}
	w.buf = append(w.array[:0], kind)
	return w
}

func (w *words) sum() [sha256.Size]byte { return sha256.Sum256(w.buf) }

func (w *words) add(word string) {
	w.buf = binary.AppendUvarint(w.buf, uint64(len(word)))
	w.buf = append(w.buf, word...)
}

func (w *words) addText(it *Item) {
	fields := it.Fields()
	w.buf = binary.AppendUvarint(w.buf, uint64(len(fields)))
	for i := range fields {
		w.add(folded(fields[i].Key))
		w.add(folded(fields[i].Value))
	}
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
