package raster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
)

// Bounds on what is used of a JPEG that is cut off.
const (
	// leastRows is the smallest usable part of the rows, as a divisor: a third.
	leastRows = 3
	// rowTries is how often the picture is decoded to find the rows that are there. The
	// rows that are used differ from them by at most a 24th of the height.
	rowTries = 4
)

// IsCutOff reports whether a fault of Prepare is that of a picture whose end is missing.
func IsCutOff(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// IsJPEG reports whether data begins like a JPEG, of which PrepareCut can use a part.
func IsJPEG(data []byte) bool { return formats[0].matches(data) }

// PrepareCut is like Prepare for a JPEG that is cut off: it uses what browsers show of
// it. That is the whole picture with less detail if it is a progressive one of which a
// scan is complete, or else the upper rows, if they are at least a third. The error is
// Prepare's.
func (p *Preparer) PrepareCut(ctx context.Context, data []byte) (Prepared, error) {
	f := formats[0]
	h, err := f.readHeader(data)
	if err == nil {
		err = p.checkSize(f, h)
	}
	if err != nil {
		return p.Prepare(ctx, data) // the same error, in words
	}
	release, err := p.Reserve(ctx, h.memory+int64(len(data)))
	if err != nil {
		return Prepared{}, err
	}
	defer release()
	whole := wholePart(ctx, f, data, h.height)
	if ctx.Err() != nil {
		return Prepared{}, ctx.Err()
	}
	if whole == nil {
		return Prepared{}, f.unreadable(io.ErrUnexpectedEOF)
	}
	if h, err = f.readHeader(whole); err != nil {
		return Prepared{}, f.unreadable(err)
	}
	h.data = nil // what follows the rows that are used is not for every decoder
	return p.render(ctx, f, h, whole)
}

// wholePart returns a JPEG of what is there of one that is cut off, or nil.
func wholePart(ctx context.Context, f *format, data []byte, height int) []byte {
	j := jpegFile{}
	if j.readSegments(data) != nil || j.end > 0 || j.frameAt == 0 || j.scans == 0 {
		return nil
	}
	if j.frame == markSOF2 && j.wholeScans > 0 {
		return ended(data[:j.wholeScans])
	}
	if int64(j.scans)*area(j.width, j.height) > int64(maxScanned)/(2+rowTries) {
		return nil
	}
	part := ended(data)
	decodes := func(rows int) bool {
		binary.BigEndian.PutUint16(part[j.frameAt+1:], uint16(rows))
		_, err := f.decodeSafely(ctx, part)
		return err == nil
	}
	low, high := max(1, height/leastRows), height
	if !decodes(low) {
		return nil
	}
	for range rowTries {
		if middle := (low + high) / 2; decodes(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	binary.BigEndian.PutUint16(part[j.frameAt+1:], uint16(low))
	return part
}

// ended returns a copy of a JPEG's beginning with an end marker.
func ended(data []byte) []byte { return append(bytes.Clone(data), 0xff, markEOI) }
