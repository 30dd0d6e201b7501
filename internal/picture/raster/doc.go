// Package raster prepares a picture for a model: from bytes of any sender
// to an upright, opaque JPEG, PNG or GIF of a bounded size.
//
//	bytes -> format by content -> header: size, memory, orientation
//	      -> small, upright and intact? returned unchanged
//	      -> worker, memory budget -> decode -> shrink -> rotate -> JPEG
//
// The header gives the size before a pixel is decoded. The memory for decoding is
// computed from it and reserved from a budget of the whole process, so the budget
// holds whatever is sent.
//
// Shrinking averages areas in fixed-point numbers, on the planes that the decoder
// returns: a JPEG is never converted to RGB and back. That neither rings nor
// aliases, and takes a third of the time of a cubic filter.
//
// A JPEG is intact if its segments are complete up to the end marker, which needs no
// decoding. PNG and GIF are always decoded, which checks their checksums. WebP, BMP
// and TIFF are always converted, because several servers cannot read them.
package raster
