package table

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
)

var errLargePart = errors.New("an element is larger than a row may be")

// xmlReader reads elements one after the other, without their nesting. It holds no more
// than one text.
type xmlReader struct {
	dec   *xml.Decoder
	limit *elementLimiter
}

// elementLimiter stops encoding/xml, which has no limit of its own for a text.
type elementLimiter struct {
	in          io.Reader
	limit, used int
}

// Read reads at most limit bytes between two tokens.
func (l *elementLimiter) Read(p []byte) (int, error) {
	if l.used > l.limit {
		return 0, errLargePart
	}
	n, err := l.in.Read(p)
	l.used += n
	return n, err
}

func newXMLReader(in io.Reader, limit int) *xmlReader {
	l := &elementLimiter{in: in, limit: limit}
	dec := xml.NewDecoder(bufio.NewReaderSize(l, headBytes))
	dec.Strict = false
	dec.AutoClose = nil
	dec.Entity = xml.HTMLEntity
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is in UTF-8 by now
	return &xmlReader{dec, l}
}

// token returns the next token. Texts are valid until the next call.
func (r *xmlReader) token() (xml.Token, error) {
	r.limit.used = 0
	t, err := r.dec.RawToken()
	if err != nil && !errors.Is(err, io.EOF) && r.limit.used > r.limit.limit {
		err = errLargePart
	}
	return t, err
}

// next returns the next start of an element.
func (r *xmlReader) next() (xml.StartElement, error) {
	for {
		t, err := r.token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if start, ok := t.(xml.StartElement); ok {
			return start, nil
		}
	}
}
