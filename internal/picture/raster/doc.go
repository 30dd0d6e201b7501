// Package raster makes a picture fit for a model: from bytes that anybody may
// have sent to an upright, opaque JPEG, PNG or GIF of a known size.
//
// # The problem
//
// A catalogue's pictures are anything: a progressive JPEG lying on its side, a
// PNG that unpacks to a gigabyte, half a file, a web page called sofa.jpg. A
// model wants at most some hundred pixels of it, and pays for more.
//
// # The picture
//
//	bytes -> recognised by content -> header: size, cost, orientation
//	      -> small, upright and sound? passed on untouched
//	      -> processor slot, memory budget -> decode -> shrink -> turn -> JPEG
//
// # The trade-off
//
// The size is read from the header before a pixel is decoded, and the memory
// that decoding takes is worked out from it and reserved from a budget for the
// whole process. A picture that would take more than the budget is refused, so
// the bound holds whatever is sent. What waits is the picture, never the memory.
//
// Shrinking averages areas, in fixed-point numbers, on the planes that the
// decoder delivers: a JPEG is never converted to RGB and back. Area averaging
// neither rings nor aliases, and costs a third of a cubic filter.
//
// A JPEG counts as sound if its segments are whole up to its end marker, which
// needs no decoding. PNG and GIF are always decoded, which checks their sums.
// WebP, BMP and TIFF are always written anew as JPEG, because several servers
// in use cannot read them.
//
// # Example
//
//	p, err := raster.New(raster.Config{MaxPixels: 50e6, Fit: 768, Memory: 400 << 20, Workers: 2})
//	...
//	made, err := p.Prepare(ctx, data)
package raster
