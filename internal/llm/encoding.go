package llm

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// acceptEncoding is what answers may be packed with. Set by us, it keeps net/http from
// unpacking, which fails for bodies that are not packed as their header says.
const acceptEncoding = "gzip"

// unpackedBody reads a body as it was before it was packed. What it is packed with is seen in
// its first bytes, as there are proxies that unpack and keep the header, or drop the header
// alone; only Brotli and bare deflate have no such bytes.
type unpackedBody struct {
	io.ReadCloser
	header http.Header
	in     io.Reader // nil: nothing has been read
	err    error     // of the beginning
}

// Read implements io.Reader. A packed body that is cut off or damaged is an error.
func (u *unpackedBody) Read(p []byte) (int, error) {
	if u.in == nil && u.err == nil {
		u.begin()
	}
	if u.err != nil {
		return 0, u.err
	}
	return u.in.Read(p)
}

func (u *unpackedBody) begin() {
	u.in, u.err = unpacked(u.ReadCloser, u.header.Get("Content-Encoding"), maxPacked)
}

// maxPacked is how often a body may be packed: by a server, and again by a proxy.
const maxPacked = 2

// unpacked returns a body as it was before it was packed up to so many times, the last time in
// the way that is named.
func unpacked(body io.Reader, named string, times int) (io.Reader, error) {
	if times == 0 {
		return body, nil
	}
	head := make([]byte, 4, textBytes)
	if named == "br" || named == "deflate" {
		head = head[:textBytes]
	}
	n, err := io.ReadFull(body, head)
	if err != nil && n == 0 {
		return nil, err
	}
	in, err := unpackedBy(head[:n], io.MultiReader(bytes.NewReader(head[:n]), body), named)
	if in == nil || err != nil {
		return io.MultiReader(bytes.NewReader(head[:n]), body), err
	}
	return unpacked(in, "", times-1)
}

// unpackedBy returns a reader of what was packed, nil if the head shows that nothing was.
func unpackedBy(head []byte, from io.Reader, named string) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}): // RFC 1952
		return gzip.NewReader(from)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878
		return zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*maxAnswerBytes))
	case len(head) > 1 && head[0] == 'x' && (int(head[0])<<8|int(head[1]))%31 == 0 && head[1]&0x20 == 0: // RFC 1950, without a dictionary
		return zlib.NewReader(from)
	case named == "deflate" && !isText(head): // RFC 1951 alone, as some servers understand the name
		return flate.NewReader(from), nil
	case named == "br" && !isText(head):
		return brotli.NewReader(from), nil
	}
	return nil, nil
}

// textBytes is how much of a body shows whether it is text: a packed body may begin with a letter,
// but not with so many.
const textBytes = 8

// isText reports whether all is printable ASCII or a space.
func isText(head []byte) bool {
	for _, c := range head {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
