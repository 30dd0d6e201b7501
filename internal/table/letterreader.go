package table

import (
	"bufio"
	"io"
	"unicode"
	"unicode/utf8"
)

// letterMark stands in front of the names of elements that the tokenizer of HTML takes for
// text, because they do not begin with a letter from A to Z: "<_sku>", "<Ürün>".
const letterMark = "x\x01"

// letterReader puts letterMark in front of such names.
type letterReader struct {
	in   *bufio.Reader
	rest []byte // not read yet
}

func newLetterReader(in io.Reader) io.Reader { return &letterReader{in: bufio.NewReader(in)} }

// Read reads what the input has, and the marks.
func (r *letterReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		part, err := r.in.ReadSlice('<')
		if len(part) == 0 {
			return 0, err
		}
		r.rest = append(r.rest[:0], part...)
		if err == nil {
			r.mark()
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// mark appends the mark that the next name needs.
func (r *letterReader) mark() {
	if next, _ := r.in.Peek(1); len(next) == 1 && next[0] == '/' {
		_, _ = r.in.Discard(1) // it is buffered
		r.rest = append(r.rest, '/')
	}
	next, _ := r.in.Peek(1)
	if len(next) == 1 && next[0] >= utf8.RuneSelf {
		next, _ = r.in.Peek(utf8.UTFMax)
	}
	if first, _ := utf8.DecodeRune(next); first == '_' || first >= utf8.RuneSelf && unicode.IsLetter(first) {
		r.rest = append(r.rest, letterMark...)
	}
}
