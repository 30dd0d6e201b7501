package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// restTime is how long the rest of a request is read after its call has failed.
const restTime = 5 * time.Second

// bounded ends calls whose callers are silent for too long, while they send their request
// or read their answer. What requests hold is charged to the budget.
func bounded(config Config, parts Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, control: http.NewResponseController(w)}
		if r.ProtoMajor == 2 {
			a.timeout = config.WriteTimeout
			// What is left in the buffers goes out when the handlers have returned.
			defer a.arm()
		}
		if r.Body != nil && r.Body != http.NoBody {
			var in *intake.Inbound
			r, in = charged(config.Intake, parts, r, a.control)
			defer in.Close()
		}
		next.ServeHTTP(a, r)
	})
}

// charged returns the request with a body that is charged to its caller.
func charged(budget *intake.Budget, parts Parts, r *http.Request, control *http.ResponseController) (*http.Request, *intake.Inbound) {
	uploads := parts.Services.Uploads(r.URL.Path)
	var cut func(error)
	if uploads {
		cut = func(error) { _ = control.SetReadDeadline(time.Unix(1, 0)) }
	}
	r = parts.Callers.Identified(r)
	caller, known := parts.Callers.Share(r)
	open := budget.Open
	if !known {
		open, caller = budget.OpenStranger, r.RemoteAddr
	}
	in := open(caller, cut)
	r = r.WithContext(intake.With(r.Context(), in))
	if uploads {
		in.Pause() // until the body is read
		r.Body = &uploadBody{body: r.Body, request: r, in: in}
		return r, in
	}
	body := &pacedBody{body: r.Body, control: control, request: r, in: in, pace: intake.NewPace()}
	body.stop()
	r.Body = body
	return r, in
}

// pacedBody is a request's body that has to come in time, and for which there has to
// be room until the request ends, or its rows are taken.
type pacedBody struct {
	body    io.ReadCloser
	control *http.ResponseController
	request *http.Request
	in      *intake.Inbound
	pace    *intake.Pace
	stopped time.Time // when reading was interrupted
	limit   time.Time // for all of it; zero: none
	err     error     // that ended it
	unheld  bool      // what is read is thrown away
}

// Read reads what has come. Beyond the time that the bytes so far allow for, it
// fails with os.ErrDeadlineExceeded, without room with intake.ErrFull.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.resume()
	n, err := b.body.Read(p)
	err = ofBody(b.request, err)
	b.pace.Add(n)
	if b.err = err; err == nil {
		b.stop()
	}
	if b.unheld {
		return n, err
	}
	b.in.Charge(int64(n))
	if full := b.in.Wait(b.request.Context()); full != nil {
		b.err = full
		return 0, full
	}
	// At the body's end, net/http takes the deadline back and watches the connection
	// for the caller's leaving.
	return n, err
}

// ofBody returns what an error of reading a request's body means. What is not of the
// connection, net/http's parser of chunks says without a type of its own.
func ofBody(r *http.Request, err error) error {
	_, ofConn := errors.AsType[net.Error](err)
	switch {
	case err == nil, r.ProtoMajor != 1, len(r.TransferEncoding) == 0, ofConn:
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose):
		return err
	}
	return fault.Wrap(err, fault.InvalidRequest, "the body's chunks cannot be read: send them as HTTP/1.1 has it, or a body with its length")
}

// Hold charges n bytes in addition to those that were read, such as what these unpack
// to. Without room it fails with intake.ErrFull.
func (b *pacedBody) Hold(n int) error {
	if b.unheld {
		return nil
	}
	b.in.Charge(int64(n))
	return b.in.Wait(b.request.Context())
}

// resume begins to wait for what comes next. The time since stop is not counted
// against the caller. Connections without deadlines are not bounded.
func (b *pacedBody) resume() {
	b.pace.Extend(time.Since(b.stopped))
	_ = b.control.SetReadDeadline(intake.Sooner(b.pace.Due(), b.limit))
}

// stop says that reading is interrupted, such as to wait for room. The deadline stays
// for a body of which no more is read, but leaves that time.
func (b *pacedBody) stop() {
	b.stopped = time.Now()
	_ = b.control.SetReadDeadline(intake.Sooner(b.pace.Due().Add(intake.Patience), b.limit))
}

// readRest reads what a caller is still sending to a call that has failed, up to a
// number of bytes. Most clients read no answer before they have sent everything, and
// see nothing but a broken connection if they cannot.
func (b *pacedBody) readRest(most int64) {
	b.in.Close()
	if b.err == intake.ErrFull { //nolint:errorlint // it is this body's own
		b.err = nil
	}
	b.unheld, b.limit = true, time.Now().Add(restTime)
	_, _ = io.CopyN(io.Discard, b, most)
}

// Close closes the body.
func (b *pacedBody) Close() error { return b.body.Close() }

// holder is a body that takes room for what its bytes unpack to. The services look for
// its method.
type holder interface{ Hold(n int) error }

var (
	_ holder = (*pacedBody)(nil)
	_ holder = (*uploadBody)(nil)
)

// uploadBody is the body of a caller that sends a stream: it may be silent between
// two messages, and is read no further while the messages that have come wait for
// their turn.
type uploadBody struct {
	body    io.ReadCloser
	request *http.Request
	in      *intake.Inbound
}

// Read reads what has come. A message that arrives too slowly ends it.
func (b *uploadBody) Read(p []byte) (int, error) {
	if err := b.in.WaitForReceiver(b.request.Context(), streamWindow); err != nil {
		return 0, err
	}
	b.in.Resume()
	n, err := b.body.Read(p)
	err = ofBody(b.request, err)
	b.in.Arrived(p[:n], int64(n))
	b.in.Pause()
	if err == nil {
		err = b.in.Wait(b.request.Context())
	}
	return n, err
}

// Hold charges n bytes that the present message unpacks to, until it is received.
// Without room it fails with intake.ErrFull.
func (b *uploadBody) Hold(n int) error {
	b.in.Unpacked(int64(n))
	return b.in.Wait(b.request.Context())
}

// Close closes the body.
func (b *uploadBody) Close() error { return b.body.Close() }
