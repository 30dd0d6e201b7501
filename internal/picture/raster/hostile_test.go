package raster

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"testing"
)

// TestPNG_RejectsASecondHeader: the decoder allocates memory by the first header, so a
// small one after it must not count as the picture's size.
func TestPNG_RejectsASecondHeader(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	const signature, header = 8, 8 + 25
	data := b.Bytes()
	if _, err := pngHeader(data); err != nil {
		t.Fatal(err)
	}
	second := append([]byte{0, 0, 0, 13}, data[signature+4:header-4]...)
	second = binary.BigEndian.AppendUint32(second, crc32.ChecksumIEEE(second[4:]))
	twice := append(bytes.Clone(data[:header]), second...)
	if _, err := pngHeader(append(twice, data[header:]...)); err == nil {
		t.Error("two headers were taken")
	}
}
