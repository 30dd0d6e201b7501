package table

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	unicodes "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// wideEncoding returns the encoding of a text that has two or four bytes for a character, by
// its mark or, without one, by where its NULs are. It returns nil for other texts.
func wideEncoding(head []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")):
		return utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return utf32.UTF32(utf32.BigEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return unicodes.UTF16(unicodes.LittleEndian, unicodes.ExpectBOM)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return unicodes.UTF16(unicodes.BigEndian, unicodes.ExpectBOM)
	}
	var nuls [4]int
	for i, c := range head {
		if c == 0 {
			nuls[i%4]++
		}
	}
	quarter, few := len(head)/4, len(head)/64
	even, odd := nuls[0]+nuls[2], nuls[1]+nuls[3]
	switch {
	case even+odd == 0:
		return nil
	case quarter > 0 && nuls[3] >= quarter && nuls[2] >= quarter && nuls[0] == 0:
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case quarter > 0 && nuls[0] >= quarter && nuls[1] >= quarter && nuls[3] == 0:
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case odd > quarter && even <= few, even == 0 && isUTF16(head, 0):
		return unicodes.UTF16(unicodes.LittleEndian, unicodes.IgnoreBOM)
	case even > quarter && odd <= few, odd == 0 && isUTF16(head, 1):
		return unicodes.UTF16(unicodes.BigEndian, unicodes.IgnoreBOM)
	}
	return nil
}

// isUTF16 reports whether a text whose letters are not Latin, so that it has few NULs, is in
// UTF-16: it has line ends there, and letters alone. The low byte of each unit is at the
// place low of its two.
func isUTF16(head []byte, low int) bool {
	units := make([]uint16, len(head)/2)
	for i := range units {
		units[i] = uint16(head[2*i+low]) | uint16(head[2*i+1-low])<<8
	}
	if n := len(units); n > 0 && utf16.IsSurrogate(rune(units[n-1])) {
		units = units[:n-1] // the other half is not there
	}
	text := string(utf16.Decode(units))
	return strings.Contains(text, "\n") && !strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsGraphic(r) && !strings.ContainsRune("\r\n\t\ufeff", r)
	})
}
