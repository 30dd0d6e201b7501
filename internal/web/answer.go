package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/intake"
)

// answer is a response that knows how it began. Over HTTP/2 it gives up on a
// stream whose reader takes nothing of it for a time; what bounds HTTP/1.1 is its
// connection (intake.PatientListener). Only one goroutine writes; the deadline may be set from
// others.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // of a stream of HTTP/2; 0: none
	status  int           // 0: not begun

	mu    sync.Mutex
	limit time.Time // beyond which nothing is written any more; zero: none
}

// piece is how much of an answer a reader has to take within the time.
const piece = 4 << 10

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader begins the answer. A busy server says when to try again.
func (a *answer) WriteHeader(status int) {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		if a.Header().Get("Retry-After") == "" {
			a.Header().Set("Retry-After", "1")
		}
	}
	if a.status < http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes, piece by piece.
func (a *answer) Write(p []byte) (written int, err error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.timeout == 0 {
		return a.ResponseWriter.Write(p)
	}
	defer a.disarm()
	for err == nil && written < len(p) {
		a.arm()
		var n int
		n, err = a.ResponseWriter.Write(p[written:min(written+piece, len(p))])
		written += n
	}
	return written, err
}

// Flush sends what was written.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError is Flush with what kept it from being sent.
func (a *answer) FlushError() error {
	if a.timeout > 0 {
		a.arm()
		defer a.disarm()
	}
	return a.control.Flush()
}

// SetWriteDeadline is a limit for all that is still to be written.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit = t
	return a.control.SetWriteDeadline(t)
}

// arm sets the time for one write.
func (a *answer) arm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.control.SetWriteDeadline(intake.Sooner(time.Now().Add(a.timeout), a.limit)) // HTTP/2 has deadlines
}

// disarm takes the time back, which ends a stream that is only quiet.
func (a *answer) disarm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.control.SetWriteDeadline(a.limit)
}
