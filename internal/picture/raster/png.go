package raster

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// PNG colour types (ISO/IEC 15948, table 11.1).
const (
	pngGrey    = 0
	pngPalette = 3
)

// maxProfile is the most that a text chunk with EXIF in it is unpacked to.
const maxProfile = 256 << 10

func pngHeader(data []byte) (header, error) {
	h := header{orientation: upright}
	var depth, colours, interlaced byte
	keyed, moving, asked := false, false, false
	end, err := pngChunks(data, func(kind string, body []byte) error {
		switch kind {
		case "IHDR":
			if len(body) < 13 {
				return io.ErrUnexpectedEOF
			}
			if depth != 0 {
				// The decoder makes room by the first one.
				return errors.New("a second header")
			}
			h.width, h.height = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
			depth, colours, interlaced = body[8], body[9], body[12]
		case "tRNS":
			keyed = true
		case "acTL":
			moving = true
		case "eXIf", "tEXt", "zTXt":
			// One profile is unpacked, not each of a thousand.
			if exif, ok := pngProfile(kind, body, asked); ok {
				asked, h.orientation = true, exifOrientation(exif)
			}
		}
		return nil
	})
	if err == nil && depth == 0 {
		err = io.ErrUnexpectedEOF
	}
	h.memory = area(h.width, h.height) * pngBytes(depth, colours, keyed) * int64(1+interlaced&1)
	if depth <= 8 && !moving && end > 0 {
		h.whole = data[:end]
	}
	return h, err
}

// pngBytes is what a decoded pixel takes.
func pngBytes(depth, colours byte, keyed bool) int64 {
	var n int64 = 4
	if colours == pngPalette || (colours == pngGrey && !keyed) {
		n = 1
	}
	if depth == 16 {
		n *= 2
	}
	return n
}

// pngChunks calls visit with each chunk up to the last or the end of the data,
// until visit returns an error. It returns where the last one ends; 0 if it is not
// there. Sums are left to the decoder.
func pngChunks(data []byte, visit func(kind string, body []byte) error) (end int, err error) {
	for at := len(pngSignature); len(data)-at >= 12; {
		n := int64(binary.BigEndian.Uint32(data[at:]))
		kind := string(data[at+4 : at+8])
		if n > int64(len(data)-at-12) {
			n = int64(len(data) - at - 12)
		}
		if kind == "IEND" {
			return at + 12 + int(n), nil
		}
		if err := visit(kind, data[at+8:at+8+int(n)]); err != nil {
			return 0, err
		}
		at += 12 + int(n)
	}
	return 0, nil
}

// pngProfile reads EXIF from its own chunk, or from the text in which
// ImageMagick kept it before there was one. It reports whether there was any.
func pngProfile(kind string, body []byte, asked bool) (exif []byte, ok bool) {
	const prefix = "Exif\x00\x00"
	if asked {
		return nil, false
	}
	if kind == "eXIf" {
		return bytes.TrimPrefix(body, []byte(prefix)), true
	}
	name, text, _ := bytes.Cut(body, []byte{0})
	if s := string(name); s != "Raw profile type exif" && s != "Raw profile type APP1" {
		return nil, false
	}
	if kind == "zTXt" {
		text = inflate(text)
	}
	return bytes.TrimPrefix(unhex(text), []byte(prefix)), true
}

// inflate unpacks a text behind its byte for the method, at most maxProfile.
func inflate(text []byte) []byte {
	if len(text) < 1 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(text[1:]))
	if err != nil {
		return nil
	}
	// What could be unpacked before an error is as good as all of it.
	out, _ := io.ReadAll(io.LimitReader(z, maxProfile))
	return out
}

// unhex reads a raw profile: its name, its length, then hexadecimal lines.
func unhex(text []byte) []byte {
	lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
	if len(lines) < 3 {
		return nil
	}
	digits := bytes.Join(bytes.Fields(lines[2][:min(len(lines[2]), maxProfile)]), nil)
	out := make([]byte, hex.DecodedLen(len(digits)))
	n, _ := hex.Decode(out, digits) // what comes before a wrong digit is good
	return out[:n]
}
