package inflate

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Encoding is the name of the one encoding that is taken, in the headers of all
// protocols.
const Encoding = "gzip"

const (
	// freeBytes is the output that is allowed for any input.
	freeBytes = 4 << 20
	// maxRatio is the most output for each byte of input, beyond that.
	maxRatio = 200
)

// Limits bound a message.
type Limits struct {
	// Bytes is the most that the compressed form may have, and the most that the
	// unpacked form may have.
	Bytes int64
	// Charge is called with the number of unpacked bytes before Read returns them. Its
	// error ends the reading and is returned as it is. Nil: it is not called.
	Charge func(n int) error
}

// Named reports whether the name of an encoding in a header is that of gzip, and whether
// it is known: gzip, or none.
func Named(encoding string) (compressed, known bool) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return false, true
	case Encoding, "x-gzip":
		return true, true
	default:
		return false, false
	}
}

// unpacker is the state of gzip, some 45 KiB, which is used again.
type unpacker struct {
	in   *bufio.Reader
	gzip gzip.Reader
}

var unpackers = sync.Pool{New: func() any { return &unpacker{in: bufio.NewReader(nil)} }}

// Reader unpacks a stream. It is not safe for concurrent use.
type Reader struct {
	in       countedReader
	limits   Limits
	unpacker *unpacker // nil: not begun, or ended
	out      int64     // bytes
	err      error     // that ended it
}

// NewReader returns a reader of the unpacked form of in. It reads nothing and takes no
// memory until its first Read.
func NewReader(in io.Reader, limits Limits) *Reader {
	return &Reader{in: countedReader{in: in, most: limits.Bytes}, limits: limits}
}

// Read implements io.Reader. Its errors are a MessageTooLarge fault beyond the limits, an
// InvalidRequest fault for data that are not gzip, and those of the stream and of
// Limits.Charge.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.next(p)
	if err == nil && n > 0 && r.limits.Charge != nil {
		err = r.limits.Charge(n)
	}
	if err != nil {
		r.end(err)
		if !errors.Is(err, io.EOF) {
			return 0, r.err
		}
	}
	return n, r.err
}

// next unpacks into p. With io.EOF there are no bytes.
func (r *Reader) next(p []byte) (int, error) {
	if r.unpacker == nil {
		if err := r.begin(); err != nil {
			return 0, r.explain(err)
		}
	}
	left := r.allowed() - r.out
	if int64(len(p)) > left+1 { // one more shows that it is too much
		p = p[:left+1]
	}
	n, err := r.unpacker.gzip.Read(p)
	r.out += int64(n)
	switch {
	case r.out > r.allowed():
		return 0, r.tooLarge()
	case errors.Is(err, io.EOF) && n > 0:
		return n, nil // the next Read returns the end
	default:
		return n, r.explain(err)
	}
}

func (r *Reader) begin() error {
	r.unpacker, _ = unpackers.Get().(*unpacker)
	r.unpacker.in.Reset(&r.in)
	return r.unpacker.gzip.Reset(r.unpacker.in)
}

// end returns the state to the pool, without a reference to its input.
func (r *Reader) end(err error) {
	r.err = err
	r.unpacker.in.Reset(nil)
	unpackers.Put(r.unpacker)
	r.unpacker = nil
}

// allowed returns the most bytes of output for the input so far.
func (r *Reader) allowed() int64 {
	return min(r.limits.Bytes, max(freeBytes, maxRatio*r.in.read))
}

func (r *Reader) tooLarge() *fault.Fault {
	if r.out > r.limits.Bytes {
		return tooMany(r.limits.Bytes)
	}
	return fault.New(fault.MessageTooLarge, "the data unpack to more than %d times their size: send them uncompressed", maxRatio)
}

func tooMany(most int64) *fault.Fault {
	return fault.New(fault.MessageTooLarge, "the data have more than %d bytes: send them in several requests", most)
}

// explain turns an error of gzip into a fault. A stream that ends in the middle is not
// gzip, also if it was cut off on its way.
func (r *Reader) explain(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case r.in.err != nil:
		return r.in.err
	case err == nil:
		return nil
	case errors.Is(err, io.EOF): // also of an empty input
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.As(err, &corrupt):
		return fault.Wrap(err, fault.InvalidRequest, "the data are announced as gzip and cannot be unpacked: send them whole, or uncompressed")
	default:
		return err
	}
}

// countedReader counts the bytes that are read, and fails beyond the limit.
type countedReader struct {
	in   io.Reader
	most int64
	read int64
	err  error // other than io.EOF
}

// Read implements io.Reader.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if c.read += int64(n); c.read > c.most {
		c.err = tooMany(c.most)
		return 0, c.err
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.err = err
	}
	return n, err
}
