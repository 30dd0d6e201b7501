package llm

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"

	"github.com/andybalholm/brotli"
)

// acceptEncoding is what answers may be packed with. Set by us, it keeps net/http from
// unpacking, which fails for bodies that are not packed as their header says.
const acceptEncoding = "gzip"

// unpackedBody reads a body as it was before it was packed. What it is packed with is seen in
// its first bytes, as there are proxies that unpack and keep the header, or drop the header
// alone; only Brotli has no such bytes.
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
	brotliNamed := u.header.Get("Content-Encoding") == "br"
	head := make([]byte, 2, textBytes)
	if brotliNamed {
		head = head[:textBytes]
	}
	n, err := io.ReadFull(u.ReadCloser, head)
	if err != nil && n == 0 {
		u.err = err
		return
	}
	from := io.MultiReader(bytes.NewReader(head[:n]), u.ReadCloser)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}): // RFC 1952
		u.in, u.err = gzip.NewReader(from)
	case head[0] == 'x' && (int(head[0])<<8|int(head[1]))%31 == 0 && head[1]&0x20 == 0: // RFC 1950, without a dictionary
		u.in, u.err = zlib.NewReader(from)
	case brotliNamed && !isText(head[:n]):
		u.in = brotli.NewReader(from)
	default:
		u.in = from
	}
}

// textBytes is how much of a body shows whether it is text: a Brotli body may begin with a letter,
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
