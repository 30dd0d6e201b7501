package table

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// notNumbers are the words that Python's json writes for numbers that JSON does not have.
var notNumbers = [][]byte{[]byte("-Infinity"), []byte("Infinity"), []byte("NaN")}

// ReplaceNaN overwrites bare NaN, Infinity and -Infinity, which Python's json
// writes and JSON forbids, with empty strings padded by spaces, so that every
// other byte keeps its place and errors their positions. It works in place and
// returns data. What is within strings stays; malformed JSON stays malformed.
func ReplaceNaN(data []byte) []byte {
	new(nanScanner).scan(data, len(data))
	return data
}

// NewNaNReader returns a reader of in that does to it what ReplaceNaN does, with
// a window of some kilobytes.
func NewNaNReader(in io.Reader) io.Reader {
	return &nanReader{in: bufio.NewReaderSize(in, nanWindow)}
}

const (
	nanWindow = 16 << 10
	// nanMargin is how many bytes after a word's first one are needed to recognise it.
	nanMargin = len("-Infinity,")
)

type nanReader struct {
	in      *bufio.Reader
	scanner nanScanner
	scanned []byte // of the window, not yet handed out
}

// Read reads from the input.
func (r *nanReader) Read(p []byte) (int, error) {
	if len(r.scanned) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.scanned)
	r.scanned = r.scanned[n:]
	_, err := r.in.Discard(n)
	return n, err
}

// fill scans the next window. The last bytes wait for what follows them.
func (r *nanReader) fill() error {
	window, err := r.in.Peek(nanWindow)
	if err != nil && (len(window) == 0 || !errors.Is(err, io.EOF)) {
		return err
	}
	end := len(window)
	if err == nil {
		end -= nanMargin
	}
	r.scanned = window[:r.scanner.scan(window, end)]
	return nil
}

// nanScanner goes through JSON that comes in pieces.
type nanScanner struct {
	before            byte // the last byte outside of strings that is no white space
	inString, escaped bool
}

// scan overwrites the words that begin before end, and returns how far it came:
// to end, or to the end of a word that goes beyond it.
func (s *nanScanner) scan(data []byte, end int) int {
	i := 0
	for ; i < end; i++ {
		switch c := data[i]; {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped = c == '\\'
			s.inString = c != '"'
		case c == ' ', c == '\t', c == '\r', c == '\n':
		default:
			s.inString = c == '"'
			if (c == 'N' || c == 'I' || c == '-') && (s.before == ':' || s.before == ',' || s.before == '[') {
				i += blankOut(data[i:])
			}
			s.before = c
		}
	}
	return i
}

// withoutExtras returns JSON without what people and programs add to it: comments, and commas
// behind the last value. Every other byte keeps its place.
func withoutExtras(data []byte) []byte {
	clean := bytes.Clone(data)
	comma := -1 // the place of the last one that nothing follows yet
	before := byte(0)
	for i := 0; i < len(clean); i++ {
		rest := clean[i:]
		switch {
		case bytes.HasPrefix(rest, []byte("//")) || bytes.HasPrefix(rest, []byte("/*")):
			i += blankComment(rest)
		case rest[0] == '"', rest[0] == '\'' && strings.IndexByte("{[:,(", before) >= 0: // of Python
			comma, i = -1, endOfString(clean, i)
		case rest[0] == ',':
			comma = i
		case (rest[0] == '}' || rest[0] == ']') && comma >= 0:
			clean[comma], comma = ' ', -1
		case rest[0] > ' ':
			comma = -1
		}
		if c := clean[min(i, len(clean)-1)]; c > ' ' {
			before = c
		}
	}
	return clean
}

// blankComment overwrites the comment at the beginning of data, and returns how many bytes
// to skip after its first.
func blankComment(data []byte) int {
	end := bytes.IndexByte(data, '\n')
	if data[1] == '*' {
		end = bytes.Index(data[2:], []byte("*/"))
		if end >= 0 {
			end += len("/*") + len("*/")
		}
	}
	if end < 0 {
		end = len(data)
	}
	for i := range end {
		if data[i] != '\n' {
			data[i] = ' '
		}
	}
	return end - 1
}

// endOfString returns the place of the quote or the apostrophe that ends the string that
// begins with one at start, or the last place of data.
func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case data[start]:
			return i
		}
	}
	return len(data) - 1
}

// blankOut overwrites the word at the beginning of data, if there is one, and returns
// how many bytes to skip after its first.
func blankOut(data []byte) int {
	for _, word := range notNumbers {
		if !bytes.HasPrefix(data, word) {
			continue
		}
		if rest := data[len(word):]; len(rest) > 0 && !bytes.ContainsAny(rest[:1], ",]} \t\r\n") {
			return 0
		}
		copy(data, `""`)
		for i := len(`""`); i < len(word); i++ {
			data[i] = ' '
		}
		return len(word) - 1
	}
	return 0
}
