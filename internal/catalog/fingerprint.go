package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// Fingerprint identifies a question: equal questions have the same fingerprint, and
// different ones never do in practice.
type Fingerprint [sha256.Size]byte

// Scope is all that an answer depends on, except the item. The zero value is valid.
type Scope struct{ digest [sha256.Size]byte }

// NewScope returns the scope of the parts, whose order counts: the backend, the
// versions of taxonomy and prompt, the model as asked for, its parameters.
func NewScope(parts ...string) Scope {
	b := []byte{'s'}
	for _, part := range parts {
		b = appendWord(b, part)
	}
	return Scope{sha256.Sum256(b)}
}

// With returns the scope s with one more part, such as a model.
func (s Scope) With(part string) Scope { return NewScope(string(s.digest[:]), part) }

// The item's text counts as it is asked: see AppendText. The ID is no part of it.
//
// What comes before it has its length in front, so that nothing can be moved from
// one part to the next. The array is room for most items without asking for memory.

type room [1024]byte

// OfText returns the fingerprint of the question by the item's text, without addresses
// and pictures.
func (s Scope) OfText(it *Item) Fingerprint {
	var array room
	return sha256.Sum256(it.AppendText(s.begin(array[:0], 't'), false))
}

// OfAddress returns the fingerprint of the question by the item's text and the address,
// or the unchecked bytes, of its picture.
func (s Scope) OfAddress(it *Item) Fingerprint {
	var array room
	b := s.begin(array[:0], 'a')
	b = appendWord(b, strings.TrimSpace(it.ImageURL))
	b = appendWord(b, strings.TrimSpace(it.ProductURL))
	b = appendDigest(b, it.ImageData)
	return sha256.Sum256(it.AppendText(b, true))
}

// OfPicture returns the fingerprint of the question by the item's text and a picture,
// whatever its address.
func (s Scope) OfPicture(it *Item, p *Picture) Fingerprint {
	var array room
	b := s.begin(array[:0], 'p')
	b = appendWord(b, p.MediaType)
	b = appendDigest(b, p.Data)
	return sha256.Sum256(it.AppendText(b, true))
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
