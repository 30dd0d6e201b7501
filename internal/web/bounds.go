package web

import (
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/fault"
)

// A body comes at minBodyRate at least, once bodyGrace has passed: slower than any
// line that is in use, and too fast to hold a connection open for nothing.
const (
	bodyGrace   = 30 * time.Second
	minBodyRate = 32 << 10 // bytes a second
	// hearOutTime is how long one is heard out whose call has failed already.
	hearOutTime = 5 * time.Second
)

// roomStep is in what pieces bodies take room. The first piece of each is free, so
// that small requests find room whatever the large ones take.
const roomStep = 64 << 10

// errNoRoom is that of a body that does not fit beside the others.
var errNoRoom = fault.New(fault.ServerFull, "the server holds as many large requests as it can: send this one again later").After(5 * time.Second)

// bounded keeps callers from being silent for ever: those who send their request,
// unless it is a stream, and those who read their answer.
// Of bodies that are held as a whole, all together have no more bytes than
// Config.MaxHeldBytes.
func bounded(config Config, uploads func(path string) bool, next http.Handler) http.Handler {
	room := semaphore.NewWeighted(config.MaxHeldBytes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, control: http.NewResponseController(w)}
		if r.ProtoMajor == 2 {
			a.timeout = config.WriteTimeout
			// What is left in the buffers goes out when the handlers have returned.
			defer a.arm()
		}
		if r.Body != nil && r.Body != http.NoBody && !uploads(r.URL.Path) {
			body := &pacedBody{body: r.Body, control: a.control, began: time.Now(), room: room}
			defer body.giveBack()
			body.pace()
			r.Body = body
		}
		next.ServeHTTP(a, r)
	})
}

// pacedBody is a request's body that has to come in time, and for which there has to
// be room for as long as the request lasts.
type pacedBody struct {
	body    io.ReadCloser
	control *http.ResponseController
	began   time.Time
	limit   time.Time // for all of it; zero: none
	read    int64
	err     error // that ended it
	room    *semaphore.Weighted
	held    int64 // of room
	more    int64 // bytes that take room besides those that were read
	full    bool  // there was none
	unheld  bool  // what is read is thrown away
}

// Read reads what has come. Beyond the time that the bytes so far allow for, it
// fails with os.ErrDeadlineExceeded, without room with errNoRoom.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.read += int64(n)
	if b.err = err; err == nil {
		b.pace()
	}
	if !b.hold() {
		return 0, errNoRoom
	}
	// At the body's end, net/http takes the deadline back and watches the connection
	// for the caller's leaving.
	return n, err
}

// pace allows for what comes next. Connections without deadlines are not bounded.
func (b *pacedBody) pace() {
	allowed := bodyGrace + time.Duration(b.read)*time.Second/minBodyRate
	_ = b.control.SetReadDeadline(sooner(b.began.Add(allowed), b.limit))
}

// Hold takes room for n bytes besides those that were read, such as what these
// unpack to. Without room it fails with errNoRoom.
func (b *pacedBody) Hold(n int) error {
	b.more += int64(n)
	if !b.hold() {
		return errNoRoom
	}
	return nil
}

// hold takes room for what was read, if there is some.
func (b *pacedBody) hold() bool {
	for !b.unheld && !b.full && b.read+b.more > b.held+roomStep {
		if b.full = !b.room.TryAcquire(roomStep); !b.full {
			b.held += roomStep
		}
	}
	return b.unheld || !b.full
}

func (b *pacedBody) giveBack() {
	b.room.Release(b.held)
	b.held = 0
}

// hearOut reads what a caller is still sending to a call that has failed, up to a
// number of bytes. Most clients read no answer before they have sent everything, and
// see nothing but a broken connection if they cannot.
func (b *pacedBody) hearOut(most int64) {
	b.giveBack()
	b.unheld, b.limit = true, time.Now().Add(hearOutTime)
	if b.err == nil {
		b.pace()
	}
	_, _ = io.CopyN(io.Discard, b, most)
}

// Close closes the body.
func (b *pacedBody) Close() error { return b.body.Close() }
