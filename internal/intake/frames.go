package intake

import "encoding/binary"

// What of HTTP/2 (RFC 9113) has to be read along.
const (
	prefaceBytes   = 24
	frameHeadBytes = 9

	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
)

// Buffers of gRPC's that a DATA frame is kept in: one of its own for a short one,
// else of the next of two sizes.
const (
	shortFrame   = 1 << 10
	smallBuffer  = 4 << 10
	largeBuffer  = 16 << 10
	bufferHeader = 64
)

// frameCharge returns what a DATA frame of n bytes takes in memory.
func frameCharge(n int) int64 {
	switch {
	case n < shortFrame:
		return int64(n) + bufferHeader
	case n <= smallBuffer:
		return smallBuffer
	default:
		return int64(max(n, largeBuffer))
	}
}

// frames follows the frames that a caller sends. It checks nothing, which is for
// the server that reads them too.
type frames struct {
	preface int // bytes of it that were seen
	head    [frameHeadBytes]byte
	read    int // bytes of head that were seen
	kind    byte
	flags   byte
	stream  uint32
	left    int  // of the frame's payload
	padding int  // at the payload's end; -1: its length comes first
	last    bool // the frame, or the headers that it continues, ends its stream
	opened  uint32
	empty   bool // nothing follows the headers of opened
	resets  int  // that were seen
}

// data is a piece of a DATA frame's content.
type data struct {
	stream uint32
	piece  []byte
	charge int64 // for the whole frame, with its first piece
	last   bool  // nothing follows on the stream
}

// next follows p up to the end of a piece of DATA, or of the headers of a new
// stream, whose number then is opened. It returns how far that is.
func (f *frames) next(p []byte) (n int, d data, opened bool) {
	for n < len(p) {
		if f.preface < prefaceBytes {
			k := min(prefaceBytes-f.preface, len(p)-n)
			f.preface += k
			n += k
			continue
		}
		if f.read < frameHeadBytes {
			k := copy(f.head[f.read:], p[n:])
			f.read += k
			n += k
			if f.read < frameHeadBytes {
				break
			}
			if charge := f.begin(); charge > 0 {
				return n, data{stream: f.stream, charge: charge}, false
			}
		} else if f.left > 0 {
			piece := p[n:min(n+f.left, len(p))]
			n += len(piece)
			f.left -= len(piece)
			if f.kind == frameData {
				d = data{stream: f.stream, piece: f.content(piece)}
			}
		}
		if f.left == 0 {
			if opened = f.end(); f.last && !opened && f.endsStream() {
				d.stream, d.last = f.stream, true
			}
		}
		if opened || len(d.piece) > 0 || d.last {
			return n, d, opened
		}
	}
	return n, d, false
}

// begin takes a frame's head apart, and returns what the frame is charged with.
func (f *frames) begin() (charge int64) {
	f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
	f.kind, f.flags = f.head[3], f.head[4]
	f.stream = binary.BigEndian.Uint32(f.head[5:]) & (1<<31 - 1)
	f.padding = 0
	if f.kind == frameReset {
		f.resets++
	}
	if f.kind != frameContinuation {
		f.last = (f.kind == frameData || f.kind == frameHeaders) && f.flags&flagEndStream != 0
	}
	if f.kind != frameData || f.left == 0 {
		return 0
	}
	if f.flags&flagPadded != 0 {
		f.padding = -1
	}
	return frameCharge(f.left)
}

// content returns what of a piece of a DATA frame is no padding.
func (f *frames) content(piece []byte) []byte {
	if f.padding < 0 {
		f.padding = int(piece[0])
		piece = piece[1:]
	}
	padding := min(max(f.padding-f.left, 0), len(piece))
	return piece[:len(piece)-padding]
}

// end ends a frame, and reports whether a new stream has its headers with it.
func (f *frames) end() (opened bool) {
	f.read = 0
	if (f.kind != frameHeaders && f.kind != frameContinuation) || f.flags&flagEndHeaders == 0 || f.stream <= f.opened {
		return false
	}
	f.opened, f.empty = f.stream, f.last
	return true
}

// endsStream reports whether the frame that has just ended is the last one of its stream, if
// that ends with it: headers may be continued.
func (f *frames) endsStream() bool { return f.kind == frameData || f.flags&flagEndHeaders != 0 }
