package raster

import "encoding/binary"

// Tags of a TIFF directory (TIFF 6.0).
const (
	tagCompression  = 0x0103
	tagOrientation  = 0x0112
	tagRowsPerStrip = 0x0116
	tagTileWidth    = 0x0142
	tagTileLength   = 0x0143
)

// directory is the first directory of a TIFF structure, which describes the picture.
type directory struct {
	order   binary.ByteOrder
	entries []byte // of 12 bytes each
}

// readDirectory returns the first directory, or an empty one if there is no valid
// one.
func readDirectory(tiff []byte) directory {
	var d directory
	if len(tiff) < 8 {
		return d
	}
	switch string(tiff[:4]) {
	case "II*\x00":
		d.order = binary.LittleEndian
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return d
	}
	at := int64(d.order.Uint32(tiff[4:]))
	if at < 8 || at+2 > int64(len(tiff)) {
		return d
	}
	d.entries = tiff[at+2:]
	d.entries = d.entries[:min(len(d.entries)/12, int(d.order.Uint16(tiff[at:])))*12]
	return d
}

// number returns the value of a tag, 0 if the tag is absent. ok is false if the tag
// is not a single number.
func (d directory) number(tag uint16) (v uint32, ok bool) {
	for e := d.entries; len(e) > 0; e = e[12:] {
		if d.order.Uint16(e) == tag {
			return numberOf(d.order, e)
		}
	}
	return 0, true
}

// numberOf reads an entry: a short according to the standard, a long or a byte from
// some programs.
func numberOf(order binary.ByteOrder, entry []byte) (v uint32, ok bool) {
	one := order.Uint32(entry[4:]) == 1
	switch order.Uint16(entry[2:]) {
	case 1:
		return uint32(entry[8]), one
	case 3:
		return uint32(order.Uint16(entry[8:])), one
	case 4:
		return order.Uint32(entry[8:]), one
	}
	return 0, false
}

// exifOrientation returns the orientation in a TIFF structure, the form of EXIF:
// upright if there is no valid one. The other directories describe the thumbnail.
func exifOrientation(tiff []byte) orientation {
	v, _ := readDirectory(tiff).number(tagOrientation)
	if v < 1 || v > 8 {
		return upright
	}
	return orientation(v)
}
