package table

import (
	"bytes"
	"errors"
	"regexp"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// errCharset is for text that would come out as other letters than it was written in.
var errCharset = errors.New("its letters are in an encoding that cannot be told for sure, such as Shift-JIS, GBK or one of DOS: " +
	"save it as UTF-8")

// guessCharset returns the encoding of one byte to a character that a text is in which is
// not in UTF-8: Windows-1252, or Windows-1250 or Windows-1251 if its letters are those of
// their languages. It returns errCharset for text that is hardly in one of the three.
func guessCharset(text []byte) (*charmap.Charmap, error) {
	c := countLetters(text)
	switch {
	case c.cyrillic():
		return charmap.Windows1251, nil
	case c.foreign():
		return charmap.Windows1252, errCharset
	case c.polish(), c.czech(), c.hungarian():
		return charmap.Windows1250, nil
	}
	return charmap.Windows1252, nil
}

// letterCounts says how often the bytes beyond ASCII are in a text.
type letterCounts struct {
	of     [256]int
	inside [256]int // between two letters, or in front of a letter at a word's beginning
	all    int
	row    int // in long rows
}

// longRow is how many letters beyond ASCII follow each other in no language of
// Windows-1250 and -1252, capitals aside.
const longRow = 4

func countLetters(text []byte) *letterCounts {
	c := &letterCounts{}
	row := 0
	for i, b := range text {
		if b < 0x80 {
			row = 0
			continue
		}
		c.all++
		c.of[b]++
		if i == 0 || text[i-1] != b { // a row of dots is none of letters
			c.addToRow(&row)
		}
		if i+1 < len(text) && letterByte(text[i+1]) && (i == 0 || letterByte(text[i-1]) || startOfWord[b]) {
			c.inside[b]++
		}
	}
	return c
}

// addToRow counts a letter that follows others.
func (c *letterCounts) addToRow(row *int) {
	switch *row++; {
	case *row == longRow:
		c.row += longRow
	case *row > longRow:
		c.row++
	}
}

func letterByte(b byte) bool { return b >= 0xc0 || 'a' <= b|0x20 && b|0x20 <= 'z' }

// startOfWord are the capitals of Windows-1250 that are signs in Windows-1252, and stand
// in front of digits there.
var startOfWord = [256]bool{0xa3: true, 0xaf: true}

func (c *letterCounts) sum(letters string) int {
	n := 0
	for i := range len(letters) {
		n += c.of[letters[i]]
	}
	return n
}

// fewLetters is how many letters say nothing yet about the encoding.
const fewLetters = 4

// cyrillic reports whether half of the letters are the frequent ones of Russian and its
// relatives in Windows-1251, and they follow each other.
func (c *letterCounts) cyrillic() bool {
	frequent := c.sum("\xee\xe5\xe0\xe8\xed\xf2\xf1\xf0\xe2\xeb\xea\xce\xc5\xc0\xc8\xcd\xd2\xd1\xd0\xc2\xcb\xca")
	return c.all > fewLetters && 2*c.row > c.all && 2*frequent > c.all
}

// foreign reports whether Windows-1252 makes no words of a text: long rows of letters
// beyond ASCII, or many of the bytes that have no letter there.
func (c *letterCounts) foreign() bool {
	none := c.sum("\x81\x82\x83\x8d\x8f\x90\x9d")
	return c.all > fewLetters && (2*c.row > c.all || 5*none > c.all)
}

// polish reports whether signs of Windows-1252 stand within words: there they are
// letters of Windows-1250.
func (c *letterCounts) polish() bool {
	n := 0
	for _, b := range []byte("\xb3\xb9\xbf\x9f\xa3\xaf") {
		n += c.inside[b]
	}
	return n > 1 && 10*n > c.all
}

// czech is for Czech, Slovak, Croatian and Slovene: letters with carons, of which
// Windows-1252 has two only, and none of its languages has those with the others.
func (c *letterCounts) czech() bool {
	both, others := c.sum("\x9a\x9e\x8a\x8e"), c.sum("\xe8\xec\xf8\xf9\xc8\xd8\xcc")
	return both > 0 && others > 0 && 4*(both+others) > c.all && c.sum("\xe0\xe5\xe7\xf1\xea") == 0
}

// hungarian reports whether the long umlauts of Windows-1250 stand with letters that no
// language of Windows-1252 has in addition to what it has in their place.
func (c *letterCounts) hungarian() bool {
	return c.sum("\xf5\xfb") > 0 && c.of[0xe1] > 0 && c.sum("\xf6\xfc") > 0 && c.sum("\xe3\xe4\xe7\xe8\xea") == 0
}

var charsetNote = regexp.MustCompile(`(?i)(?:encoding|charset)\s*=\s*["']?([a-z0-9_:.-]+)`)

// declaredCharset returns the encoding that the beginning of XML or HTML names, nil for
// none and for those that are found out by the bytes.
func declaredCharset(head []byte) encoding.Encoding {
	if !looksLikeXML(head) {
		return nil
	}
	note := charsetNote.FindSubmatch(head[:min(len(head), 4096)])
	if note == nil {
		return nil
	}
	declared, err := htmlindex.Get(string(bytes.ToLower(note[1])))
	if err != nil {
		return nil
	}
	switch name, _ := htmlindex.Name(declared); name {
	case "utf-8", "utf-16be", "utf-16le", "windows-1252", "replacement", "":
		return nil
	}
	return declared
}
