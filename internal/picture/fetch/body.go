package fetch

import (
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

// hold is what a fetch has of the process's memory: a place among the bodies once
// its answer begins, and one among the large ones once it needs that.
type hold struct {
	client *Client
	clock  *clock
	begun  bool
	large  bool

	watch *time.Timer // of a large body, ends the fetch if not enough comes
	due   int         // bytes until it is wound up again
}

// begin waits for a place. A host that keeps the world waiting has none.
func (h *hold) begin(ctx context.Context) error { return h.take(ctx, h.client.bodies, &h.begun) }

// grow waits for a place among the large bodies, and from then on has the body
// come at a least rate.
func (h *hold) grow(ctx context.Context) error {
	if h.large {
		return nil
	}
	if err := h.take(ctx, h.client.large, &h.large); err != nil {
		return err
	}
	h.watch, h.due = time.AfterFunc(leastSpan, func() { h.clock.cancel(errStopped) }), leastBytes
	return nil
}

// take waits for one of the places. The clock stands still.
func (h *hold) take(ctx context.Context, places *semaphore.Weighted, taken *bool) error {
	h.clock.stop()
	defer h.clock.run()
	err := places.Acquire(ctx, 1)
	*taken = err == nil
	return err
}

// came takes note of bytes that were read.
func (h *hold) came(n int) {
	if h.due -= n; h.watch != nil && h.due <= 0 {
		h.watch.Reset(leastSpan)
		h.due = leastBytes
	}
}

// end takes note that nothing more is read.
func (h *hold) end() {
	if h.watch != nil {
		h.watch.Stop()
	}
}

func (h *hold) release() {
	if h.large {
		h.client.large.Release(1)
	}
	if h.begun {
		h.client.bodies.Release(1)
	}
}

// errPacked is a body that cannot be unpacked.
var errPacked = errors.New("the body is packed wrongly")

// readBody reads and unpacks an answer's body.
func readBody(ctx context.Context, resp *http.Response, r request, hold *hold) ([]byte, error) {
	if resp.ContentLength > r.limit && !r.cut {
		return nil, tooLarge(resp, r)
	}
	sent := &io.LimitedReader{R: resp.Body, N: r.limit + 1} // what is packed can be nothing, without end
	from, err := unpacked(resp, sent)
	if err != nil {
		return nil, err
	}
	hint := max(resp.ContentLength, 0)
	if from != io.Reader(sent) {
		hint = 0
	}
	data, whole, err := readAll(ctx, from, hint, r.limit, hold)
	switch {
	case sent.N == 0 && !r.cut:
		return nil, tooLarge(resp, r)
	case err != nil:
		return nil, err
	case !whole && !r.cut:
		return nil, tooLarge(resp, r)
	case len(data) == 0 && !r.cut:
		return nil, fault.New(fault.ImageUnsupported, "%s sends an empty answer: correct the address", resp.Request.URL.Hostname())
	}
	return data, nil
}

// Codings by their names (RFC 9110, section 8.4.1, and the registry there).
var (
	gzips  = map[string]bool{"gzip": true, "x-gzip": true}
	others = map[string]bool{
		"br": true, "zstd": true, "deflate": true, "compress": true, "x-compress": true, "dcb": true, "dcz": true,
	}
)

// unpacked returns what reads a body that is sent by an answer. Codings that are
// none, such as "utf-8", are passed over, as browsers do.
func unpacked(resp *http.Response, sent io.Reader) (io.Reader, error) {
	zipped := false
	list := strings.ToLower(strings.Join(resp.Header.Values("Content-Encoding"), ","))
	for coding := range strings.SplitSeq(list, ",") {
		coding = strings.TrimSpace(coding)
		if others[coding] || (gzips[coding] && zipped) {
			return nil, fault.New(fault.ImageUnsupported,
				"%s sends its answer packed as %q, which was not asked for: send the picture in image_data",
				resp.Request.URL.Hostname(), clip(list, 20))
		}
		zipped = zipped || gzips[coding]
	}
	if !zipped {
		return sent, nil
	}
	z, err := gzip.NewReader(sent)
	switch {
	case err == io.EOF: //nolint:errorlint // a wrapped EOF is no end of a body
		return sent, nil // nothing is packed, and the answer as empty as the body
	case err != nil:
		return nil, packed(err)
	}
	return unpackedReader{z}, nil
}

// readAll reads at most limit bytes, and reports whether that was all. A large
// body waits for its place before it is read further.
func readAll(ctx context.Context, from io.Reader, hint, limit int64, hold *hold) (data []byte, whole bool, err error) {
	defer hold.end()
	for {
		if len(data) == cap(data) {
			if int64(len(data)) > limit {
				return data[:limit], false, nil
			}
			if data, err = room(ctx, data, nextSize(int64(cap(data)), hint, limit), hold); err != nil {
				break
			}
		}
		var n int
		n, err = from.Read(data[len(data):cap(data)])
		hold.came(n)
		if data = data[:len(data)+n]; err != nil {
			break
		}
	}
	if err != io.EOF { //nolint:errorlint // a wrapped EOF is no end of a body
		return nil, false, err
	}
	return data, int64(len(data)) <= limit, nil
}

// nextSize is how large the buffer is to be that follows a full one. Of a large
// body that a shop announces, as much as a small one has is read before a place is
// asked for: places are for bytes that come, not for promises.
func nextSize(full, hint, limit int64) int64 {
	const start = 32 << 10
	size := max(2*full, start)
	// One byte more than is hoped for tells the end from more.
	if hint < smallBody || full >= smallBody {
		size = max(size, hint+1)
	}
	return min(size, limit+1)
}

// room returns data in a larger buffer.
func room(ctx context.Context, data []byte, size int64, hold *hold) ([]byte, error) {
	if size > smallBody {
		if err := hold.grow(ctx); err != nil {
			return nil, err
		}
	}
	return append(make([]byte, 0, size), data...), nil
}

// unpackedReader tells a body that is packed wrongly from one that broke off.
type unpackedReader struct{ *gzip.Reader }

// Read implements io.Reader.
func (r unpackedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	return n, packed(err)
}

func packed(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return errors.Join(errPacked, err)
	}
	return err
}
