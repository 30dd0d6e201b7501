package rpc

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// bodyState is how far a request's body was read. It is safe for concurrent use.
type bodyState struct {
	mu      sync.Mutex
	reading bool         // a read waits for the caller
	read    bool         // to its end
	ended   bool         // by endBody
	left    bool         // net/http says that the caller has
	broken  *fault.Fault // why it could not be read; nil: for another reason, or it could
}

// end notes that the body is read no further, and reports whether it has not ended yet.
func (s *bodyState) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = s.ended || !s.read
	return !s.read
}

// skip marks an unread body as read to its end, or not.
func (s *bodyState) skip(read bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = read
}

func (s *bodyState) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = true
}

// done notes what a read returned. It returns why the body cannot be read, nil if that is
// not known, and reports whether the caller has left.
func (s *bodyState) done(err error) (f *fault.Fault, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.read = false, s.read || err != nil
	if !s.ended { // else that is why
		f = brokenBy(err)
	}
	s.broken = cmp.Or(s.broken, f)
	return f, s.left && s.broken == nil
}

// leave notes that the request's context has ended, and reports whether the caller has really
// left: net/http also ends it when a read fails, before that read returns.
func (s *bodyState) leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	return !s.reading && s.broken == nil
}

// brokenBy returns the fault of a caller whose body came too slowly or not to its end, or
// is none of HTTP; nil for all other errors.
func brokenBy(err error) *fault.Fault {
	f, ok := errors.AsType[*fault.Fault](err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return intake.ErrSlow
	case errors.Is(err, io.ErrUnexpectedEOF), isConnError(err):
		return fault.Wrap(err, fault.Cancelled, "the request broke off before its end: send all of its body")
	case ok && f.Kind() == fault.KindInvalid:
		return f
	}
	return nil
}

// isConnError reports whether an error is one of the connection, such as its reset.
func isConnError(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

// brokenBody returns why the body of the call by HTTP whose context it is could not be
// read, nil if that is not known.
func brokenBody(ctx context.Context) *fault.Fault {
	v, _ := ctx.Value(visitKey{}).(*httpVisit)
	if v == nil {
		return nil
	}
	v.body.mu.Lock()
	defer v.body.mu.Unlock()
	return v.body.broken
}

// trackedBody is a request's body that knows how far it was read.
type trackedBody struct {
	io.ReadCloser
	visit   *httpVisit
	spoiled bool
}

// Read reads the body. In place of an error whose fault is known, a body that is one
// message gets a zero byte at its end, so that it cannot be decoded: the answer to that is
// ours, while gRPC answers an error of reading by itself. The transcoder answers a stream's.
func (b *trackedBody) Read(p []byte) (int, error) {
	if b.spoiled {
		return 0, io.EOF
	}
	b.visit.body.begin()
	n, err := b.ReadCloser.Read(p)
	f, left := b.visit.body.done(err)
	if left {
		b.visit.cancel()
	}
	switch {
	case f == nil:
		return n, overHTTP(err)
	case !b.visit.plain:
		return n, connect.NewError(connect.Code(codeOf[f.Kind()]), errors.New(f.Message))
	case n == len(p):
		return n, nil // the error comes again
	}
	b.spoiled = true
	p[n] = 0
	return n + 1, nil
}

// left ends a call whose caller has left. It does not end one whose body cannot be read: gRPC
// writes no answer once its call's context has ended.
func (v *httpVisit) left() {
	if v.body.leave() {
		v.cancel()
	}
}

// isEmpty reports whether the body has ended before its first byte, for which it
// waits. gRPC would take a call without a message for a fault of ours.
func (v *httpVisit) isEmpty() bool {
	var first [1]byte
	n, err := io.ReadFull(v.request.Body, first[:]) // an error comes again
	v.replaceBody(io.MultiReader(bytes.NewReader(first[:n]), v.request.Body))
	return errors.Is(err, io.EOF)
}

// replaceBody has another reader in the body's place, which still is what is
// closed.
func (v *httpVisit) replaceBody(in io.Reader) {
	v.request.Body = struct {
		io.Reader
		io.Closer
	}{in, v.request.Body}
}

// endBody ends a read of the body that waits for the caller. If the body has ended,
// the connection is left alone.
func (v *httpVisit) endBody() {
	if v.body.end() {
		_ = v.control.SetReadDeadline(time.Unix(1, 0))
	}
}

// endedBody ends the reading of a body before it closes it.
type endedBody struct {
	io.ReadCloser
	visit *httpVisit
}

// Read reads the body. After a message without bytes the transcoder returns io.EOF although
// more may follow. The next read returns what does, or io.EOF at the real end.
func (b *endedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Close ends and closes the body.
func (b *endedBody) Close() error {
	b.visit.endBody()
	return b.ReadCloser.Close()
}
