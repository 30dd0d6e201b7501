package rpc

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	// Answers are compressed for gRPC's callers whose requests are.
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/inflate"
)

// unpacker unpacks compressed messages that come over HTTP, which the transcoder
// would unpack to any size. As grpc.Decompressor it leaves them to the codec.
//
// A message that is refused becomes a mark, from which the codecs and the checks
// make the fault: an error would end the call past the log, as INTERNAL.
type unpacker struct {
	limit int64 // bytes of a message, compressed and not
	codec *codec
}

// Type returns the name of the encoding, as headers have it.
func (u *unpacker) Type() string { return inflate.Encoding }

// message unpacks one message or returns the mark of a refusal. The error is that
// of in, or of the charge.
func (u *unpacker) message(in io.Reader, limits inflate.Limits) (mem.BufferSlice, error) {
	message, err := mem.ReadAll(inflate.NewReader(in, limits), mem.DefaultBufferPool())
	if err == nil {
		return message, nil
	}
	message.Free()
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || (f.Reason != fault.MessageTooLarge && f.Reason != fault.InvalidRequest) {
		return nil, err
	}
	mark, err := refusalOf(f).wire(u.codec.key)
	return mem.BufferSlice{mem.SliceBuffer(mark)}, err
}

// errEncoding refuses what is compressed in another way.
var errEncoding = &httpRefusal{
	http.StatusUnsupportedMediaType, connect.CodeUnimplemented, "this encoding is not supported: compress with gzip, or send it uncompressed",
}

// encodingHeader returns the header by which a protocol announces compressed messages.
func encodingHeader(media string) string {
	switch {
	case strings.HasPrefix(media, mediaGRPC):
		return "Grpc-Encoding"
	case strings.HasPrefix(media, mediaConnectStream):
		return "Connect-Content-Encoding"
	default:
		return "Content-Encoding"
	}
}

// unpack has the messages of a call unpacked on their way to the transcoder, which
// then knows nothing of their encoding.
func (u *unpacker) unpack(v *httpVisit) *httpRefusal {
	header := v.request.Header
	own := encodingHeader(header.Get("Content-Type"))
	unpacked := false
	for _, name := range []string{"Content-Encoding", "Connect-Content-Encoding", "Grpc-Encoding"} {
		compressed, known := inflate.Named(strings.Join(header.Values(name), ","))
		if !known || (compressed && name != own) {
			return errEncoding
		}
		unpacked = unpacked || compressed
	}
	plain := own == "Content-Encoding"
	if plain && !unpacked {
		if v.length > u.limit {
			return u.refuse(v)
		}
		return nil
	}
	header.Del(own)
	body := &unpackedBody{in: v.request.Body, plain: plain, unpacker: u}
	limits := inflate.Limits{Bytes: u.limit, Charge: v.charge}
	if isAuxiliary(serviceOf(v.request.URL.Path)) {
		limits.Bytes = min(u.limit, auxiliaryBytes)
	}
	body.unpack = func(in io.Reader) (mem.BufferSlice, error) { return u.message(in, limits) }
	v.replaceBody(body)
	return nil
}

// refuse has a mark in the place of a plain message that is too large.
func (u *unpacker) refuse(v *httpVisit) *httpRefusal {
	mark, err := refusalOf(tooLarge(u.limit)).wire(u.codec.key)
	if err != nil {
		return &httpRefusal{http.StatusRequestEntityTooLarge, connect.CodeResourceExhausted, "the message is too large"}
	}
	v.replaceBody(bytes.NewReader(mark))
	return nil
}

// unpackedBody is a request's body whose compressed messages are handed on as if
// they had not been. It ends after one that is refused.
type unpackedBody struct {
	in       io.Reader
	plain    bool // one message without an envelope
	unpacker *unpacker
	unpack   func(io.Reader) (mem.BufferSlice, error)

	message io.Reader // what is left of the present one; nil: none
	err     error     // that comes after it
}

// Read reads what is left of the message, or of the next one.
func (b *unpackedBody) Read(p []byte) (int, error) {
	for {
		if b.message != nil {
			n, err := b.message.Read(p)
			if n > 0 || len(p) == 0 {
				return n, nil // an error comes again
			}
			if !errors.Is(err, io.EOF) {
				return 0, err
			}
			b.message = nil
		}
		if b.err == nil {
			b.err = b.next()
		}
		if b.message == nil {
			return 0, b.err
		}
	}
}

// next finds the next message, or why there is none, or none after it.
func (b *unpackedBody) next() error {
	if b.plain {
		message, err := b.unpack(b.in)
		if err != nil {
			return err
		}
		b.message = message.Reader()
		return io.EOF
	}
	head := make([]byte, envelopeBytes)
	if _, err := io.ReadFull(b.in, head); err != nil {
		return err
	}
	wire := &io.LimitedReader{R: b.in, N: int64(binary.BigEndian.Uint32(head[1:]))}
	if head[0]&1 == 0 && wire.N > b.unpacker.limit {
		mark, err := refusalOf(tooLarge(b.unpacker.limit)).wire(b.unpacker.codec.key)
		binary.BigEndian.PutUint32(head[1:], uint32(len(mark)))
		b.message = io.MultiReader(bytes.NewReader(head), bytes.NewReader(mark))
		return cmp.Or(err, io.EOF)
	}
	if head[0]&1 == 0 {
		b.message = io.MultiReader(bytes.NewReader(head), wire)
		return nil
	}
	message, err := b.unpack(wire)
	if err != nil {
		return err
	}
	head[0] &^= 1
	binary.BigEndian.PutUint32(head[1:], uint32(message.Len()))
	b.message = io.MultiReader(bytes.NewReader(head), message.Reader())
	if wire.N > 0 { // it was refused before its end
		return io.EOF
	}
	return nil
}
