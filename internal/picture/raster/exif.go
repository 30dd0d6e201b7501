package raster

// exifOrientation returns the orientation in a TIFF structure, which is what
// EXIF is made of: upright where there is none that makes sense. It reads the
// first directory only, as the others describe the thumbnail.
func exifOrientation(tiff []byte) orientation {
	switch v, _ := readDirectory(tiff).number(tagOrientation); {
	case v < 1 || v > 8:
		return upright
	default:
		return orientation(v)
	}
}
