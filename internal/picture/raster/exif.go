package raster

import "encoding/binary"

// exifOrientation returns the orientation in a TIFF structure, which is what
// EXIF is made of: upright where there is none that makes sense. It reads the
// first directory only, as the others describe the thumbnail.
func exifOrientation(tiff []byte) orientation {
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := int64(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > int64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			return orientationOf(order, entries)
		}
		entries = entries[12:]
	}
	return upright
}

const tagOrientation = 0x0112

// orientationOf reads a directory entry: a short by the standard, a long or a
// byte as some programs write it.
func orientationOf(order binary.ByteOrder, entry []byte) orientation {
	var v uint32
	switch order.Uint16(entry[2:]) {
	case 1:
		v = uint32(entry[8])
	case 3:
		v = uint32(order.Uint16(entry[8:]))
	case 4:
		v = order.Uint32(entry[8:])
	}
	if v < 1 || v > 8 {
		return upright
	}
	return orientation(v)
}
