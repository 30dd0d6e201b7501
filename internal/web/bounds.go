package web

import (
	"io"
	"net/http"
	"time"
)

// A body comes at minBodyRate at least, once bodyGrace has passed: slower than any
// line that is in use, and too fast to hold a connection open for nothing.
const (
	bodyGrace   = 30 * time.Second
	minBodyRate = 4 << 10 // bytes a second
)

// bounded keeps callers from being silent for ever: those who send their request,
// unless it is a stream, and those who read their answer.
func bounded(config Config, uploads func(path string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, control: http.NewResponseController(w)}
		if r.ProtoMajor == 2 {
			a.timeout = config.WriteTimeout
			// What is left in the buffers goes out when the handlers have returned.
			defer a.arm()
		}
		if r.Body != nil && r.Body != http.NoBody && !uploads(r.URL.Path) {
			body := &pacedBody{body: r.Body, control: a.control, began: time.Now()}
			body.pace()
			r.Body = body
		}
		next.ServeHTTP(a, r)
	})
}

// pacedBody is a request's body that has to come in time.
type pacedBody struct {
	body    io.ReadCloser
	control *http.ResponseController
	began   time.Time
	read    int64
	err     error // that ended it
}

// Read reads what has come. Beyond the time that the bytes so far allow for, it
// fails with os.ErrDeadlineExceeded.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.read += int64(n)
	if b.err = err; err == nil {
		b.pace()
	}
	// At the body's end, net/http takes the deadline back and watches the connection
	// for the caller's leaving.
	return n, err
}

// pace allows for what comes next. Connections without deadlines are not bounded.
func (b *pacedBody) pace() {
	allowed := bodyGrace + time.Duration(b.read)*time.Second/minBodyRate
	_ = b.control.SetReadDeadline(b.began.Add(allowed))
}

// Close closes the body.
func (b *pacedBody) Close() error { return b.body.Close() }
