package table

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/net/html"
)

var (
	errLargePart = errors.New("an element is larger than a row may be")
	errTagName   = errors.New("an element's name does not begin with a letter from A to Z")
)

// tagReader reads the tags and texts of XML one after the other, whatever their nesting.
// It holds one of them, of at most limit bytes.
//
// It uses the tokenizer of HTML, because encoding/xml stops at control characters, an
// unescaped "&" or "<", and tags that are not closed, and the feeds of shops have them.
type tagReader struct {
	tokens *html.Tokenizer
	limit  int
	most   int64  // bytes to be read in all; 0: any number
	offset int64  // bytes read
	line   int    // of the last token's end, counted from 1
	name   string // of the last tag, without a prefix
	attrs  []html.Attribute
	closed bool // the last tag is an end, too
}

func newTagReader(in io.Reader, limit int) *tagReader {
	r := &tagReader{tokens: html.NewTokenizer(in), limit: limit, line: 1}
	r.tokens.SetMaxBuf(limit)
	r.tokens.AllowCDATA(true)
	return r
}

// next goes to the next start, end or text, and returns io.EOF after the last one.
func (r *tagReader) next() (html.TokenType, error) {
	if r.closed {
		r.closed = false
		return html.EndTagToken, nil
	}
	for {
		kind := r.tokens.Next()
		raw := r.tokens.Raw()
		r.offset += int64(len(raw))
		r.line += bytes.Count(raw, []byte("\n"))
		if r.most > 0 && r.offset > r.most {
			return html.ErrorToken, errLargePart
		}
		switch kind {
		case html.ErrorToken:
			if err := r.tokens.Err(); !errors.Is(err, html.ErrBufferExceeded) {
				return kind, err
			}
			return kind, errLargePart
		case html.TextToken:
			return kind, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(raw[1:])
			r.closed = kind == html.SelfClosingTagToken
			return html.StartTagToken, nil
		case html.EndTagToken:
			r.name = tagName(raw[2:])
			return kind, nil
		case html.CommentToken:
			if len(raw) > 3 && raw[1] == '/' {
				return kind, errTagName
			}
		}
	}
}

func (r *tagReader) start(raw []byte) {
	r.tokens.NextIsNotRawText()
	r.name, r.attrs = tagName(raw), r.attrs[:0]
	for more := true; more; {
		var key, value []byte
		key, value, more = r.tokens.TagAttr()
		key = key[bytes.LastIndexByte(key, ':')+1:]
		r.attrs = append(r.attrs, html.Attribute{Key: string(key), Val: string(value)})
	}
}

// tagName returns the name at the beginning of a tag, without its prefix.
func tagName(raw []byte) string {
	if end := bytes.IndexAny(raw, " \t\r\n\f/>"); end >= 0 {
		raw = raw[:end]
	}
	raw = bytes.TrimPrefix(raw, []byte(letterMark))
	return string(raw[bytes.LastIndexByte(raw, ':')+1:])
}

// attribute returns the value of an attribute of the last start, its name in lower case and
// without a prefix.
func (r *tagReader) attribute(name string) string {
	for _, a := range r.attrs {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text returns the current text, valid until the next call. Section marks (CDATA) have no
// character references within them: what looks like one is part of an address there.
func (r *tagReader) text() []byte {
	text, section := bytes.CutPrefix(r.tokens.Raw(), []byte("<![CDATA["))
	if text = bytes.TrimSuffix(text, []byte("]]>")); !section {
		text = r.tokens.Text()
	}
	if bytes.Contains(text, []byte(letterMark)) {
		text = bytes.ReplaceAll(text, []byte(letterMark), nil)
	}
	return text
}

// content reads up to the end of an element of a workbook, and returns the texts that it
// shows and its formula.
func (r *tagReader) content(end string) (text, formula string, err error) {
	var shown, computed []byte
	within, phonetic := "", false // phonetic texts say how the others are read aloud
	start := r.offset
	for {
		kind, err := r.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err == nil && (len(shown)+len(computed) > r.limit || r.offset-start > 8*int64(r.limit)) {
			err = errLargePart
		}
		if err != nil {
			return "", "", err
		}
		switch {
		case kind == html.StartTagToken:
			within = r.name
			phonetic = phonetic || within == "rPh"
		case kind == html.EndTagToken:
			if r.name == end {
				return string(shown), string(computed), nil
			}
			within = ""
			phonetic = phonetic && r.name != "rPh"
		case within == "f":
			computed = append(computed, r.text()...)
		case (within == "t" || within == "v") && !phonetic:
			shown = append(shown, r.text()...)
		}
	}
}
