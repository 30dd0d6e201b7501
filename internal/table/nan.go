package table

import "bytes"

// notNumbers are what Python's json writes for numbers that JSON cannot say.
var notNumbers = [][]byte{[]byte("-Infinity"), []byte("Infinity"), []byte("NaN")}

// ReplaceNaN overwrites bare NaN, Infinity and -Infinity, which Python's json
// writes and JSON forbids, with empty strings padded by spaces, so that every
// other byte keeps its place and errors their positions. It works in place and
// returns data. What is within strings stays; malformed JSON stays malformed.
func ReplaceNaN(data []byte) []byte {
	before := byte(0) // the last byte outside of strings that is no white space
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '"':
			i = endOfString(data, i)
			before = c
		case ' ', '\t', '\r', '\n':
		case 'N', 'I', '-':
			if before == ':' || before == ',' || before == '[' {
				i += blankOut(data[i:])
			}
			before = c
		default:
			before = c
		}
	}
	return data
}

// endOfString returns the place of the quote that ends the string that begins at
// start, or the last place of data.
func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data) - 1
}

// blankOut overwrites the word that data begins with, if it is one, and returns
// how many bytes to go on beyond its first.
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
