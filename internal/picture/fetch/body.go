package fetch

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// hold is what a fetch has of the process's memory: a place among the bodies,
// and one among the large ones once it needs that.
type hold struct {
	client *Client
	clock  *clock
	large  bool
}

// grow waits for a place among the large bodies. The clock stands still.
func (h *hold) grow(ctx context.Context) error {
	if h.large {
		return nil
	}
	h.clock.stop()
	defer h.clock.run()
	if err := h.client.large.Acquire(ctx, 1); err != nil {
		return err
	}
	h.large = true
	return nil
}

func (h *hold) release() {
	if h.large {
		h.client.large.Release(1)
	}
	h.client.bodies.Release(1)
}

// errPacked is a body that cannot be unpacked.
var errPacked = errors.New("the body is packed wrongly")

// readBody reads and unpacks an answer's body.
func readBody(ctx context.Context, resp *http.Response, r request, hold *hold) ([]byte, error) {
	if resp.ContentLength > r.limit && !r.cut {
		return nil, tooLarge(resp, r)
	}
	var from io.Reader = resp.Body
	hint := max(resp.ContentLength, 0)
	switch packing := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); packing {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(resp.Body)
		if err != nil && err != io.EOF { //nolint:errorlint // a wrapped EOF is no end of a body
			return nil, packed(err)
		}
		if err == nil { // else nothing is packed, and the answer as empty as the body
			from = unpackedReader{unpacked}
		}
		hint = 0
	default:
		return nil, fault.New(fault.ImageUnsupported,
			"%s sends its answer packed as %q, which was not asked for: send the picture in image_data",
			resp.Request.URL.Hostname(), clip(packing, 20))
	}
	data, whole, err := readAll(ctx, from, hint, r.limit, hold)
	switch {
	case err != nil:
		return nil, err
	case !whole && !r.cut:
		return nil, tooLarge(resp, r)
	case len(data) == 0 && !r.cut:
		return nil, fault.New(fault.ImageUnsupported, "%s sends an empty answer: correct the address", resp.Request.URL.Hostname())
	}
	return data, nil
}

// readAll reads at most limit bytes, and reports whether that was all. A large
// body waits for its place before it is read further.
func readAll(ctx context.Context, from io.Reader, hint, limit int64, hold *hold) (data []byte, whole bool, err error) {
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
// body that a shop announces, the beginning is read before a place is asked for:
// places are for bytes that come, not for promises.
func nextSize(full, hint, limit int64) int64 {
	const start = 32 << 10
	// One byte more than is hoped for tells the end from more.
	size := max(2*full, hint+1, start)
	if full == 0 && size > smallBody {
		size = start
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
