package table

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// maxScan is how much of a file is read in advance to find out its encoding.
const maxScan = 256 << 20

// textOf returns a reader of the same text in UTF-8, without byte order marks at its
// beginning and NULs. The encodings that it tells apart are UTF-8, UTF-16, UTF-32, those that
// XML and HTML name, those of charsets, and those of eastAsian in a text that is not a stream. whole is the same text for reading in advance,
// nil for a stream. The note function returns a note for the caller, empty for none so far:
// that of a stream comes with its first letter beyond ASCII. The error is one of
// guessCharset, which reading a stream may return too.
func textOf(in *bufio.Reader, head []byte, whole io.Reader) (text *bufio.Reader, note func() string, err error) {
	note = func() string { return "" }
	if wide := wideEncoding(head); wide != nil {
		return bufio.NewReaderSize(transform.NewReader(in, transform.Chain(wide.NewDecoder(), &utf8Decoder{})), headBytes), note, nil
	}
	d := &utf8Decoder{measured: whole != nil}
	if whole != nil {
		var guess charsetGuess
		d.legacy, guess, d.err = measure(whole)
		d.charset, d.note = guess.charmap, guess.note
		if guess.multibyte != nil && declaredCharset(head) == nil {
			return bufio.NewReaderSize(transform.NewReader(in, guess.multibyte.NewDecoder()), headBytes), func() string { return guess.note }, nil
		}
	}
	switch declared := declaredCharset(head).(type) {
	case nil:
	case *charmap.Charmap:
		d.charset, d.err, d.note = declared, nil, ""
	default:
		if whole == nil || d.legacy {
			return bufio.NewReaderSize(transform.NewReader(in, declared.NewDecoder()), headBytes), note, nil
		}
	}
	if d.err != nil {
		return nil, nil, d.err
	}
	return bufio.NewReaderSize(transform.NewReader(in, d), headBytes), func() string { return d.note }, nil
}

// utf8Decoder passes UTF-8 on, without marks at the beginning and NULs. The first byte
// that is not UTF-8 decides about the rest: after ASCII alone, the text is in
// Windows-1252 or a relative; after letters in UTF-8, it is UTF-8 with bytes of the other
// in between, until these are in the majority, unless the whole has been measured.
type utf8Decoder struct {
	measured      bool             // legacy holds for the whole text
	legacy        bool             // every byte is a character of charset
	charset       *charmap.Charmap // nil: not known yet
	note          string           // for the caller, about charset
	err           error            // the charset cannot be told
	begun         bool
	valid, broken int // characters of several bytes, and bytes that are none
}

// Reset is part of transform.Transformer.
func (d *utf8Decoder) Reset() {
	*d = utf8Decoder{measured: d.measured, legacy: d.legacy, charset: d.charset, note: d.note, err: d.err}
}

// Transform is part of transform.Transformer.
func (d *utf8Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		ascii := plainPrefix(src[nSrc:])
		if ascii > 0 {
			n := copy(dst[nDst:], src[nSrc:nSrc+ascii])
			d.begun = true
			nDst, nSrc = nDst+n, nSrc+n
			if n < ascii {
				return nDst, nSrc, transform.ErrShortDst
			}
			continue
		}
		if len(dst)-nDst < utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		r, size, short := d.decode(src[nSrc:], atEOF)
		if short {
			return nDst, nSrc, transform.ErrShortSrc
		}
		if d.err != nil {
			return nDst, nSrc, d.err
		}
		nSrc += size
		if r == 0 || (r == '\ufeff' && !d.begun) {
			continue
		}
		d.begun = true
		nDst += utf8.EncodeRune(dst[nDst:], r)
	}
	return nDst, nSrc, nil
}

// plainPrefix returns how many bytes at the beginning of text are ASCII and not NUL.
func plainPrefix(text []byte) int {
	for i, c := range text {
		if c-1 >= utf8.RuneSelf-1 {
			return i
		}
	}
	return len(text)
}

// decode returns the first character of text and its size. short is for a beginning of
// one whose end is not there yet.
func (d *utf8Decoder) decode(text []byte, atEOF bool) (r rune, size int, short bool) {
	if text[0] == 0 {
		return 0, 1, false
	}
	if bytes.HasPrefix(text, []byte(byteOrderMark)) && !d.begun {
		d.valid++
		return '\ufeff', len(byteOrderMark), false
	}
	if !d.legacy {
		if !atEOF && !utf8.FullRune(text) {
			return 0, 0, true
		}
		if r, size = utf8.DecodeRune(text); size > 1 {
			d.valid++
			return r, size, false
		}
		d.broken++
		d.legacy = d.legacy || (!d.measured && d.broken > d.valid)
	}
	if d.charset == nil {
		if d.legacy && !atEOF && len(text) < enoughSample {
			return 0, 0, true
		}
		d.charset = charmap.Windows1252
		if d.legacy {
			var guess charsetGuess
			guess, d.err = guessCharset(text)
			d.charset, d.note = guess.charmap, guess.note
			if guess.multibyte != nil {
				d.err = errCharset // what was in front of it has been read in another way
			}
		}
	}
	if d.err != nil {
		return 0, 0, false
	}
	return d.charset.DecodeByte(text[0]), 1, false
}

// The charset of a file is guessed by at most maxSample of its text. A stream is read
// ahead by enoughSample from the first letter beyond ASCII on.
const (
	maxSample    = 256 << 10
	enoughSample = 2 << 10
)

// measure reads a text in advance and reports whether it is in another encoding than
// UTF-8, and in which. The error is errCharset; that of an unreadable file comes again
// when it is read.
func measure(whole io.Reader) (legacy bool, guess charsetGuess, err error) {
	var valid, broken int
	var sample []byte
	buf := make([]byte, 0, headBytes)
	in := io.LimitReader(whole, maxScan)
	for {
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		before := broken
		rest := countRunes(buf, err != nil, &valid, &broken)
		if broken > before && len(sample) < maxSample {
			sample = append(sample, buf[:len(buf)-len(rest)]...)
		}
		buf = buf[:copy(buf, rest)]
		if err != nil {
			break
		}
	}
	if broken <= valid {
		return false, charsetGuess{charmap: charmap.Windows1252}, nil
	}
	guess, err = guessCharset(sample)
	return true, guess, err
}

// countRunes counts the characters of several bytes in text and the bytes that are
// none. It returns what is left: a beginning of a character.
func countRunes(text []byte, atEOF bool, valid, broken *int) []byte {
	for len(text) > 0 {
		if n := plainPrefix(text); n > 0 {
			text = text[n:]
			continue
		}
		if !atEOF && !utf8.FullRune(text) {
			break
		}
		_, size := utf8.DecodeRune(text)
		switch {
		case size > 1:
			*valid++
		case text[0] != 0:
			*broken++
		}
		text = text[size:]
	}
	return text
}

// hasMark reports whether a text begins with a byte order mark.
func hasMark(head []byte) bool {
	return bytes.HasPrefix(head, []byte(byteOrderMark)) || bytes.HasPrefix(head, []byte("\xff\xfe")) ||
		bytes.HasPrefix(head, []byte("\xfe\xff")) || bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff"))
}
