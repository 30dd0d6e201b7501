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

// maxProfile is the largest uncompressed size of a text chunk with EXIF, in bytes.
const maxProfile = 256 << 10

func pngHeader(data []byte) (header, error) {
	h := header{orientation: upright}
	var depth, colours, interlaced byte
	transparent, animated, profiled := false, false, false
	end, err := pngChunks(data, func(kind string, body []byte) error {
		switch kind {
		case "IHDR":
			if len(body) < 13 {
				return io.ErrUnexpectedEOF
			}
			if depth != 0 {
				// The decoder allocates memory by the first one.
				return errors.New("a second header")
			}
			h.width, h.height = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
			depth, colours, interlaced = body[8], body[9], body[12]
		case "tRNS":
			transparent = true
		case "acTL":
			animated = true
		case "eXIf", "tEXt", "zTXt":
			if exif, ok := pngProfile(kind, body); ok && !profiled {
				profiled, h.orientation = true, exifOrientation(exif())
			}
		}
		return nil
	})
	if err == nil && depth == 0 {
		err = io.ErrUnexpectedEOF
	}
	h.memory = area(h.width, h.height) * pngBytes(depth, colours, transparent) * int64(1+interlaced&1)
	if depth <= 8 && !animated && end > 0 {
		h.data = data[:end]
	}
	return h, err
}

// pngBytes returns the bytes of a decoded pixel.
func pngBytes(depth, colours byte, transparent bool) int64 {
	var n int64 = 4
	if colours == pngPalette || (colours == pngGrey && !transparent) {
		n = 1
	}
	if depth == 16 {
		n *= 2
	}
	return n
}

// pngChunks calls visit with each chunk until visit returns an error. It returns the
// offset of the end of the last chunk, 0 if that is missing. Checksums are left to
// the decoder.
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

// pngProfile returns a function that reads EXIF from its own chunk, or from the text
// chunk in which ImageMagick wrote it before there was one. It reports whether the
// chunk is either.
func pngProfile(kind string, body []byte) (exif func() []byte, ok bool) {
	prefix := []byte("Exif\x00\x00")
	if kind == "eXIf" {
		return func() []byte { return bytes.TrimPrefix(body, prefix) }, true
	}
	name, text, _ := bytes.Cut(body, []byte{0})
	if s := string(name); s != "Raw profile type exif" && s != "Raw profile type APP1" {
		return nil, false
	}
	return func() []byte {
		if kind == "zTXt" {
			text = inflate(text)
		}
		return bytes.TrimPrefix(unhex(text), prefix)
	}, true
}

// inflate decompresses a text, which begins with a byte for the method.
func inflate(text []byte) []byte {
	if len(text) < 1 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(text[1:]))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, maxProfile)) // the part before an error is used
	return out
}

// unhex reads a raw profile: a name, a length, and lines of hexadecimal digits.
func unhex(text []byte) []byte {
	lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
	if len(lines) < 3 {
		return nil
	}
	digits := bytes.Join(bytes.Fields(lines[2][:min(len(lines[2]), maxProfile)]), nil)
	out := make([]byte, hex.DecodedLen(len(digits)))
	n, _ := hex.Decode(out, digits) // the part before an error is used
	return out[:n]
}
