package raster

import "context"

// Pixels with all channels from leastWhite on are white: JPEG is not exact.
const leastWhite = 250

// IsBlank reports whether a prepared picture is wholly white, as transparent ones are
// once they are prepared. The error is ctx's.
func (p *Preparer) IsBlank(ctx context.Context, picture Prepared) (bool, error) {
	if len(picture.Data) > blankBytes(picture.Width, picture.Height) {
		return false, nil
	}
	f := detect(picture.Data)
	if f == nil {
		return false, nil
	}
	release, err := p.Reserve(ctx, area(picture.Width, picture.Height)*4)
	if err != nil {
		return false, err
	}
	defer release()
	img, err := f.decodeSafely(ctx, picture.Data)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return false, nil // what is damaged is not blank
	}
	pixels := rowsOf(img)
	for y := range pixels.height {
		for _, v := range pixels.row(y) {
			if v < leastWhite {
				return false, nil
			}
		}
	}
	return true, nil
}

// blankBytes returns the most bytes of a file of that size that may be all one colour.
// In a JPEG, each block of 8 x 8 pixels takes at most two bytes then. Photographs have
// more, so that they need not be decoded.
func blankBytes(w, h int) int {
	const overhead = 8 << 10 // tables, profiles
	return overhead + w*h/32
}
