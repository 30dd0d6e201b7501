package raster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	markSOF0  = 0xc0
	markSOF2  = 0xc2
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markDQT   = 0xdb
	markAPP1  = 0xe1
	markAPP14 = 0xee
	markTEM   = 0x01
)

// Bounds on the work of a progressive JPEG, because each scan visits all pixels
// however few bytes it has. Encoders write about ten.
const (
	maxScans   = 100
	maxScanned = 1e9 // pixels, of all scans together
)

var errScans = errors.New("the JPEG has too many scans")

// jpegFile is read from the segments of a JPEG.
type jpegFile struct {
	frame       byte // the start-of-frame marker; 0: none yet
	precision   byte
	width       int
	height      int
	sampling    []byte // of each component: horizontal << 4 | vertical
	quantised   bool   // there is a quantisation table
	huffman     bool
	adobe       bool // there is an Adobe segment
	rgb         bool // the components are red, green and blue
	scans       int
	scanBytes   int
	orientation orientation
	end         int // offset after the end marker; 0: there is none
	frameAt     int // offset of the frame's body; 0: there is none
	wholeScans  int // offset of the end of the last scan that another marker follows; 0: there is none
}

func jpegHeader(data []byte) (header, error) {
	j := jpegFile{orientation: upright}
	if err := j.readSegments(data); err != nil {
		return header{}, err
	}
	if j.frame == 0 {
		return header{}, io.ErrUnexpectedEOF
	}
	if int64(j.scans)*area(j.width, j.height) > maxScanned {
		return header{}, errScans
	}
	h := header{width: j.width, height: j.height, memory: j.memory(), orientation: j.orientation}
	if j.intact() {
		h.data, h.intact = data[:j.end], true
	}
	return h, nil
}

// intact reports whether the picture is complete and of a kind that every decoder
// reads. That excludes four components, which half of all programs show as a
// negative.
func (j *jpegFile) intact() bool {
	return j.end > 0 && j.quantised && j.huffman && j.scanBytes > 0 &&
		j.frame <= markSOF2 && j.precision == 8 && (len(j.sampling) == 1 || len(j.sampling) == 3)
}

// memory returns the bytes that decoding takes: one for each sample, four more for
// the coefficients of a progressive picture, and four for each pixel of a result
// that does not consist of planes.
func (j *jpegFile) memory() int64 {
	var across, down, samples int64 = 1, 1, 0
	for _, s := range j.sampling {
		across, down = max(across, int64(s>>4)), max(down, int64(s&15))
		samples += max(1, int64(s>>4)) * max(1, int64(s&15))
	}
	each := int64(1)
	if j.frame == markSOF2 {
		each += 4
	}
	planes := area(j.width, j.height) * samples * each / (across * down)
	if j.rgb || len(j.sampling) == 4 {
		planes += 4 * area(j.width, j.height)
	}
	return planes + 64<<10
}

// readSegments reads all segments up to the end marker or the end of data.
func (j *jpegFile) readSegments(data []byte) error {
	at := 2
	for {
		marker, next := nextMarker(data, at)
		if next == 0 {
			return nil
		}
		at = next
		switch {
		case marker == markEOI:
			j.end = at
			return nil
		case marker == markTEM || (marker >= markRST0 && marker <= markSOI):
			continue
		}
		body, ok := segment(data, at)
		if !ok {
			return nil
		}
		at += 2 + len(body)
		if err := j.readSegment(marker, body); err != nil {
			return err
		}
		if j.frame != 0 && j.frameAt == 0 {
			j.frameAt = at - len(body)
		}
		if marker == markSOS {
			end := skipScan(data, at)
			j.scanBytes += end - at
			at = end
			if end < len(data) {
				j.wholeScans = end
			}
		}
	}
}

func (j *jpegFile) readSegment(marker byte, body []byte) error {
	switch marker {
	case markDQT:
		j.quantised = true
	case markDHT:
		j.huffman = true
	case markSOS:
		if j.scans++; j.scans > maxScans {
			return errScans
		}
	case markAPP1:
		if exif, ok := bytes.CutPrefix(body, []byte("Exif\x00")); ok && len(exif) > 0 && j.orientation.upright() {
			j.orientation = exifOrientation(exif[1:])
		}
	case markAPP14:
		if bytes.HasPrefix(body, []byte("Adobe")) && len(body) >= 12 {
			j.adobe, j.rgb = true, body[11] == 0
		}
	default:
		if marker >= markSOF0 && marker <= 0xcf && marker != markJPG && marker != markDAC {
			return j.readFrame(marker, body)
		}
	}
	return nil
}

func (j *jpegFile) readFrame(marker byte, body []byte) error {
	if j.frame != 0 {
		return errors.New("the JPEG has two frames")
	}
	if len(body) < 6 || len(body) < 6+3*int(body[5]) {
		return io.ErrUnexpectedEOF
	}
	j.frame, j.precision = marker, body[0]
	j.height = int(binary.BigEndian.Uint16(body[1:]))
	j.width = int(binary.BigEndian.Uint16(body[3:]))
	var names []byte
	for i := range int(body[5]) {
		names = append(names, body[6+3*i])
		j.sampling = append(j.sampling, body[6+3*i+1])
	}
	j.rgb = j.rgb || string(names) == "RGB"
	return nil
}

// nextMarker returns the next marker from at on and the offset after it, 0 if there
// is none. Like decoders, it skips stray bytes between segments.
func nextMarker(data []byte, at int) (marker byte, next int) {
	for at < len(data) {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 {
			return 0, 0
		}
		for at += i; at < len(data) && data[at] == 0xff; at++ {
		}
		if at < len(data) && data[at] != 0 {
			return data[at], at + 1
		}
	}
	return 0, 0
}

// segment returns the body of the segment whose length is at that offset.
func segment(data []byte, at int) (body []byte, ok bool) {
	if len(data)-at < 2 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(data[at:]))
	if n < 2 || n > len(data)-at {
		return nil, false
	}
	return data[at+2 : at+n], true
}

// skipScan returns the offset of the end of entropy-coded data: of a marker that is
// neither a stuffed byte nor a restart.
func skipScan(data []byte, at int) int {
	for {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 || at+i+1 >= len(data) {
			return len(data)
		}
		at += i
		if m := data[at+1]; m != 0 && m != 0xff && (m < markRST0 || m > markRST7) {
			return at
		}
		at++
	}
}

// adobeCMYK is an Adobe segment with the value "no transform".
const adobeCMYK = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

func decodeJPEG(ctx context.Context, data []byte) (image.Image, error) {
	j := jpegFile{orientation: upright}
	if err := j.readSegments(data); err != nil {
		return nil, err
	}
	img, err := j.decode(ctx, data)
	if err != nil && j.end == 0 {
		err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return img, err
}

// decode decodes any JPEG. With four components, the standard decoder requires an
// Adobe segment and expects inverted samples, as Adobe writes them. Samples without
// the segment are not inverted.
func (j *jpegFile) decode(ctx context.Context, data []byte) (image.Image, error) {
	if len(j.sampling) != 4 || j.adobe {
		return jpeg.Decode(newReader(ctx, data))
	}
	start := bytes.NewReader([]byte("\xff\xd8" + adobeCMYK))
	img, err := jpeg.Decode(io.MultiReader(start, newReader(ctx, data[2:])))
	if cmyk, ok := img.(*image.CMYK); ok {
		for i, v := range cmyk.Pix {
			cmyk.Pix[i] = 255 - v
		}
	}
	return img, err
}
