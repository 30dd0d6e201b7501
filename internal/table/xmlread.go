package table

import (
	"bufio"
	"bytes"
	"errors"
	"html"
	"io"
	"strings"
)

var errLargePart = errors.New("an element is larger than a row may be")

// xmlKind is the kind of a token.
type xmlKind uint8

const (
	xmlStart xmlKind = iota + 1
	xmlEnd
	xmlText
)

// xmlToken is a part of XML.
type xmlToken struct {
	kind       xmlKind
	name       string // of an element, without a prefix
	text       []byte // of a text; valid until the next token
	attributes []byte // of a start; valid until the next token
}

// xmlReader reads the tokens of XML, one after the other and without their nesting. It
// is about ten times as fast as encoding/xml, and holds one token of at most limit bytes.
// Declarations, comments and instructions are passed over.
type xmlReader struct {
	in     *bufio.Reader
	limit  int
	offset int64 // bytes read
	line   int   // of the last token's end, counted from 1
	inTag  bool  // the bracket that opens a tag has been read
	ended  string
	names  map[string]string
}

func newXMLReader(in io.Reader, limit int) *xmlReader {
	return &xmlReader{in: bufio.NewReaderSize(in, headBytes), limit: limit, line: 1, names: map[string]string{}}
}

// next returns the next start of an element.
func (r *xmlReader) next() (xmlToken, error) {
	for {
		t, err := r.token()
		if err != nil || t.kind == xmlStart {
			return t, err
		}
	}
}

// token returns the next token, and io.EOF after the last one.
func (r *xmlReader) token() (xmlToken, error) {
	if r.ended != "" {
		name := r.ended
		r.ended = ""
		return xmlToken{kind: xmlEnd, name: name}, nil
	}
	for {
		if !r.inTag {
			text, err := r.until('<', nil)
			if errors.Is(err, io.EOF) && len(bytes.TrimSpace(text)) > 0 {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return xmlToken{}, err
			}
			r.inTag = true
			if len(text) > 0 {
				return xmlToken{kind: xmlText, text: unescape(text)}, nil
			}
		}
		r.inTag = false
		tag, err := r.tag()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return xmlToken{}, err
		}
		if t, ok := r.parse(tag); ok {
			return t, nil
		}
	}
}

func unescape(text []byte) []byte {
	if bytes.IndexByte(text, '&') < 0 {
		return text
	}
	return []byte(html.UnescapeString(string(text)))
}

// until returns what comes before a byte, which it takes. with is put in front.
func (r *xmlReader) until(end byte, with []byte) ([]byte, error) {
	joined := with != nil
	for {
		part, err := r.in.ReadSlice(end)
		r.offset += int64(len(part))
		r.line += bytes.Count(part, []byte("\n"))
		if err == nil {
			part = part[:len(part)-1]
			if !joined {
				return part, nil
			}
		}
		if with = append(with, part...); len(with) > r.limit {
			return nil, errLargePart
		}
		joined = true
		if !errors.Is(err, bufio.ErrBufferFull) {
			return with, err
		}
	}
}

// ends are how tags that are none end, by how they begin.
var ends = []struct{ begin, end string }{{"!--", "--"}, {"![CDATA[", "]]"}, {"?", "?"}}

// tag returns the tag that begins behind a bracket, without its last bracket.
func (r *xmlReader) tag() ([]byte, error) {
	tag, err := r.until('>', nil)
	for err == nil && !wholeTag(tag) {
		tag, err = r.until('>', append(bytes.Clone(tag), '>'))
	}
	return tag, err
}

// wholeTag reports whether a bracket ends the tag in front of it.
func wholeTag(tag []byte) bool {
	if len(tag) > 0 && (tag[0] == '!' || tag[0] == '?') {
		for _, e := range ends {
			if bytes.HasPrefix(tag, []byte(e.begin)) {
				return len(tag) >= len(e.begin)+len(e.end) && bytes.HasSuffix(tag, []byte(e.end))
			}
		}
		return bytes.IndexByte(tag, '[') < 0 || bytes.IndexByte(tag, ']') >= 0
	}
	quote := byte(0)
	for _, c := range tag {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		}
	}
	return quote == 0
}

// parse returns the token of a tag, false for one that is passed over.
func (r *xmlReader) parse(tag []byte) (xmlToken, bool) {
	switch {
	case len(tag) == 0:
		return xmlToken{}, false
	case bytes.HasPrefix(tag, []byte("![CDATA[")):
		text := bytes.TrimSuffix(tag[len("![CDATA["):], []byte("]]"))
		return xmlToken{kind: xmlText, text: text}, true
	case tag[0] == '!' || tag[0] == '?':
		return xmlToken{}, false
	case tag[0] == '/':
		return xmlToken{kind: xmlEnd, name: r.name(bytes.TrimRight(tag[1:], " \t\r\n"))}, true
	}
	closed := tag[len(tag)-1] == '/'
	if closed {
		tag = tag[:len(tag)-1]
	}
	end := bytes.IndexAny(tag, " \t\r\n")
	if end < 0 {
		end = len(tag)
	}
	t := xmlToken{kind: xmlStart, name: r.name(tag[:end]), attributes: tag[end:]}
	if closed {
		r.ended = t.name
	}
	return t, true
}

// maxNames is how many names are kept. A file has a few dozen.
const maxNames = 1_000

// name returns a name without its prefix, and without allocating one that is known.
func (r *xmlReader) name(text []byte) string {
	if known, ok := r.names[string(text)]; ok {
		return known
	}
	whole := string(text)
	name := whole[strings.LastIndexByte(whole, ':')+1:]
	if len(r.names) < maxNames {
		r.names[whole] = name
	}
	return name
}

// attribute returns the value of an attribute, its name without a prefix.
func (t *xmlToken) attribute(name string) string {
	rest := t.attributes
	for {
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return ""
		}
		key := bytes.TrimSpace(rest[:eq])
		rest = bytes.TrimLeft(rest[eq+1:], " \t\r\n")
		if len(rest) == 0 {
			return ""
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return ""
		}
		if key = key[bytes.LastIndexByte(key, ':')+1:]; string(key) == name {
			return string(unescape(rest[1 : 1+end]))
		}
		rest = rest[end+2:]
	}
}
