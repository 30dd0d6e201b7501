package raster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// webpFile is read from the chunks of a WebP (RFC 9649): the first picture, if it is
// an animation.
type webpFile struct {
	width, height int
	alpha         []byte // the ALPH chunk's body; nil: none
	kind          string // "VP8 " or "VP8L"
	body          []byte
	orientation   orientation
}

var errWebP = errors.New("the WebP has no picture")

func webpHeader(data []byte) (header, error) {
	w, err := readWebP(data)
	if err != nil {
		return header{}, err
	}
	// Bytes for each pixel: 1 for luma, 1/2 for chroma and 1 for alpha, or 4 if
	// lossless. Alpha may be compressed losslessly.
	each, lossless := int64(2), w.alpha
	if w.kind == "VP8L" {
		lossless = w.body
	}
	if lossless != nil {
		each = 8
	}
	tables := min(maxTables, tablesPerByte*int64(len(lossless)))
	return header{
		width: w.width, height: w.height, memory: each*area(w.width, w.height) + tables, orientation: w.orientation,
	}, nil
}

// Memory for the code tables of a lossless WebP, in bytes. The decoder has two nodes
// of 8 bytes for each symbol, six symbols take at least 3 bits, and at most 2,600
// groups of tables have about 3,400 symbols each.
const (
	tablesPerByte = 6 * 2 * 8 * 8 / 3
	maxTables     = 2600 * 3400 * 2 * 8
)

func readWebP(data []byte) (webpFile, error) {
	w := webpFile{orientation: upright}
	w.chunks(data[12:], 1)
	var err error
	switch {
	case w.kind == "VP8 " && len(w.body) >= 10:
		w.width = int(binary.LittleEndian.Uint16(w.body[6:])) & 0x3fff
		w.height = int(binary.LittleEndian.Uint16(w.body[8:])) & 0x3fff
	case w.kind == "VP8L" && len(w.body) >= 5:
		bits := binary.LittleEndian.Uint32(w.body[1:])
		w.width, w.height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
	case w.kind != "":
		err = io.ErrUnexpectedEOF
	default:
		err = errWebP
	}
	return w, err
}

// chunks reads the chunks, and those of the first frame of an animation.
func (w *webpFile) chunks(data []byte, depth int) {
	for len(data) >= 8 {
		kind := string(data[:4])
		n := min(int64(binary.LittleEndian.Uint32(data[4:])), int64(len(data)-8))
		body := data[8 : 8+n]
		switch {
		case kind == "ALPH" && w.kind == "":
			w.alpha = body
		case (kind == "VP8 " || kind == "VP8L") && w.kind == "":
			w.kind, w.body = kind, body
		case kind == "ANMF" && w.kind == "" && depth > 0 && len(body) > 16:
			w.chunks(body[16:], depth-1)
		case kind == "EXIF" && depth > 0:
			w.orientation = exifOrientation(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
		}
		data = data[min(int64(len(data)), 8+n+n&1):]
	}
}

// decodeWebP decodes the picture in a file of its own, because the decoder supports
// neither animations nor chunks in an unusual order.
func decodeWebP(ctx context.Context, data []byte) (image.Image, error) {
	w, err := readWebP(data)
	if err != nil {
		return nil, err
	}
	img, err := webp.Decode(newReader(ctx, w.file()))
	if err != nil {
		return nil, err
	}
	switch src := img.(type) {
	case *image.YCbCr:
		toFullRange(src)
	case *image.NYCbCrA:
		toFullRange(&src.YCbCr)
	}
	return img, nil
}

// toFullRange scales the samples of a lossy WebP, luma from 16 to 235 and chroma from
// 16 to 240 (RFC 6386, section 9.2, with ITU-R BT.601), to the full range of JPEG and
// image.YCbCr. Without it, white would be light grey.
func toFullRange(img *image.YCbCr) {
	var luma, chroma [256]byte
	for v := range 256 {
		luma[v] = byte(min(max((v-16)*255/219, 0), 255))
		chroma[v] = byte(min(max((v-128)*255/224+128, 0), 255))
	}
	for i, v := range img.Y {
		img.Y[i] = luma[v]
	}
	for i, v := range img.Cb {
		img.Cb[i] = chroma[v]
	}
	for i, v := range img.Cr {
		img.Cr[i] = chroma[v]
	}
}

// file returns a WebP with the picture alone.
func (w *webpFile) file() []byte {
	b := append(make([]byte, 0, len(w.body)+len(w.alpha)+64), "RIFF\x00\x00\x00\x00WEBP"...)
	if w.alpha != nil && w.kind == "VP8 " {
		canvas := make([]byte, 10)
		canvas[0] = 1 << 4 // there is alpha
		put24(canvas[4:], w.width-1)
		put24(canvas[7:], w.height-1)
		b = appendChunk(b, "VP8X", canvas)
		b = appendChunk(b, "ALPH", w.alpha)
	}
	b = appendChunk(b, w.kind, w.body)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func put24(b []byte, v int) { b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16) }

func appendChunk(b []byte, kind string, body []byte) []byte {
	b = append(b, kind...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}
