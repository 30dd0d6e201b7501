package fetch

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/fault"
)

// bodySlots are the slots that one fetch holds, which bound the memory for bodies.
type bodySlots struct {
	client *Client
	clock  *clock
	begun  bool // it holds a slot for a body
	large  bool // it holds a slot for a large body

	stalled *time.Timer // gives up a large body
	due     int         // bytes until stalled is reset
}

// begin waits for a slot for a body.
func (s *bodySlots) begin(ctx context.Context) error {
	return s.acquire(ctx, s.client.bodies, &s.begun)
}

// grow waits for a slot for a large body, which has to keep coming from then on.
func (s *bodySlots) grow(ctx context.Context) error {
	if s.large {
		return nil
	}
	if err := s.acquire(ctx, s.client.large, &s.large); err != nil {
		return err
	}
	s.stalled, s.due = time.AfterFunc(stallPeriod, func() { s.clock.cancel(errStalled) }), stallBytes
	return nil
}

// acquire waits for a slot while the clock is stopped.
func (s *bodySlots) acquire(ctx context.Context, slots *semaphore.Weighted, held *bool) error {
	s.clock.stop()
	defer s.clock.run()
	err := slots.Acquire(ctx, 1)
	*held = err == nil
	return err
}

// received counts n bytes that were read.
func (s *bodySlots) received(n int) {
	if s.due -= n; s.stalled != nil && s.due <= 0 {
		s.stalled.Reset(stallPeriod)
		s.due = stallBytes
	}
}

// end stops the timer after the last byte.
func (s *bodySlots) end() {
	if s.stalled != nil {
		s.stalled.Stop()
	}
}

func (s *bodySlots) release() {
	if s.large {
		s.client.large.Release(1)
	}
	if s.begun {
		s.client.bodies.Release(1)
	}
}

// errCorrupt means that a body cannot be decompressed.
var errCorrupt = errors.New("the compressed body is corrupt")

// readBody reads and decompresses the body of a response. With an io.ErrUnexpectedEOF it
// returns what there is of one that broke off.
func readBody(ctx context.Context, resp *http.Response, r request, slots *bodySlots) ([]byte, error) {
	if resp.ContentLength > r.limit && !r.truncate {
		return nil, tooLarge(resp, r)
	}
	sent := &io.LimitedReader{R: resp.Body, N: r.limit + 1} // compressed, an endless body can contain nothing
	from, err := decompressed(resp, sent)
	if err != nil {
		return nil, err
	}
	hint := max(resp.ContentLength, 0)
	if from != io.Reader(sent) {
		hint = 0
	}
	data, whole, err := readAll(ctx, from, hint, r.limit, slots)
	switch {
	case sent.N == 0 && !r.truncate:
		return nil, tooLarge(resp, r)
	case err != nil:
		return data, err
	case !whole && !r.truncate:
		return nil, tooLarge(resp, r)
	case len(data) == 0 && !r.truncate:
		return nil, fault.New(fault.ImageUnsupported, "%s sends an empty response: correct the address", resp.Request.URL.Hostname()).
			WithSummary(fault.NotAPicture("nothing"))
	}
	return data, nil
}

// Content codings (RFC 9110, section 8.4.1, and its registry).
var (
	gzips  = map[string]bool{"gzip": true, "x-gzip": true}
	others = map[string]bool{
		"br": true, "zstd": true, "deflate": true, "compress": true, "x-compress": true, "dcb": true, "dcz": true,
	}
)

// decompressed returns a reader of the decompressed body. Like browsers, it ignores
// values that are not codings, such as "utf-8".
func decompressed(resp *http.Response, sent io.Reader) (io.Reader, error) {
	zipped := false
	list := strings.ToLower(strings.Join(resp.Header.Values("Content-Encoding"), ","))
	for coding := range strings.SplitSeq(list, ",") {
		coding = strings.TrimSpace(coding)
		if others[coding] || (gzips[coding] && zipped) {
			return nil, fault.New(fault.ImageUnsupported,
				"%s sends its response with the coding %q, which is not supported: send the picture in image_data",
				resp.Request.URL.Hostname(), clip(list, 20)).WithSummary(fault.PictureUnread + " (" + coding + ")")
		}
		zipped = zipped || gzips[coding]
	}
	if !zipped {
		return sent, nil
	}
	if strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "image/") {
		// Some shops declare it of all responses, and send pictures as they are.
		begin := bufio.NewReader(sent)
		if magic, err := begin.Peek(len(gzipMagic)); err == nil && string(magic) != gzipMagic {
			return plainReader{begin}, nil
		}
		sent = begin
	}
	z, err := gzip.NewReader(sent)
	switch {
	case err == io.EOF: //nolint:errorlint // a wrapped EOF is no end of a body
		return sent, nil // the body is empty
	case err != nil:
		return nil, corrupted(err)
	}
	return gzipReader{z}, nil
}

// readAll reads at most limit bytes and reports whether that was all. A large body
// waits for a slot before it is read further. With an error, data is what came before.
func readAll(ctx context.Context, from io.Reader, hint, limit int64, slots *bodySlots) (data []byte, whole bool, err error) {
	defer slots.end()
	for {
		if len(data) == cap(data) {
			if int64(len(data)) > limit {
				return data[:limit], false, nil
			}
			if data, err = grown(ctx, data, nextSize(int64(cap(data)), hint, limit), slots); err != nil {
				break
			}
		}
		var n int
		n, err = from.Read(data[len(data):cap(data)])
		slots.received(n)
		if data = data[:len(data)+n]; err != nil {
			break
		}
	}
	if err != io.EOF { //nolint:errorlint // a wrapped EOF is no end of a body
		return data, false, err
	}
	return data, int64(len(data)) <= limit, nil
}

// nextSize returns the size of the buffer after a full one. A Content-Length of a large
// body counts only once a small body's bytes were read: slots are for bytes that come,
// not for promises.
func nextSize(full, hint, limit int64) int64 {
	const start = 32 << 10
	size := max(2*full, start)
	// One byte more than expected shows whether that was the end.
	if hint < smallBody || full >= smallBody {
		size = max(size, hint+1)
	}
	return min(size, limit+1)
}

// grown returns data in a larger buffer.
func grown(ctx context.Context, data []byte, size int64, slots *bodySlots) ([]byte, error) {
	if size > smallBody {
		if err := slots.grow(ctx); err != nil {
			return nil, err
		}
	}
	return append(make([]byte, 0, size), data...), nil
}

// gzipMagic begins each gzip file (RFC 1952, section 2.3.1).
const gzipMagic = "\x1f\x8b"

// plainReader reads a body that is not compressed, against its header.
type plainReader struct{ io.Reader }

// gzipReader separates a corrupt body from one that ends too early.
type gzipReader struct{ *gzip.Reader }

// Read implements io.Reader.
func (r gzipReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	return n, corrupted(err)
}

func corrupted(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return errors.Join(errCorrupt, err)
	}
	return err
}
