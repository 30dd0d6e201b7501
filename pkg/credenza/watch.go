package credenza

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Between attempts to reach a server again the wait doubles from firstPause to
// longestPause, each time up to a half shorter or longer by chance, so that those
// who watched a server that went down do not come back all at once.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
	// settled is how long an attempt has to last to end an outage although it
	// brought nothing: a job may be quiet for hours.
	settled = time.Minute
)

// Watch is the results of a job, from the beginning or from a resume token, then
// live until the job's end. It is iterated over once, like a Stream, by one
// goroutine.
//
// It outlives its server. When that is away, going down, or has no storage for the
// moment ("UNAVAILABLE", or an error that says in RetryAfter when to come again),
// the iteration waits, and goes on where it was as soon as a server answers, for as
// long as ctx lives or WatchPatience allows. Nothing is missed and nothing comes
// twice. Any other error ends it.
type Watch struct {
	stream Stream
	token  string
}

// WatchOption tunes WatchJob.
type WatchOption func(*watcher)

// WatchPatience gives an outage up, with its last error, when it has lasted for d.
// An outage begins when the stream breaks and ends with the next message, or when
// a connection holds for a minute. Without this option, or with 0, only ctx ends
// the waiting.
func WatchPatience(d time.Duration) WatchOption { return func(w *watcher) { w.patience = d } }

// WatchNotify calls f before each wait for a server that is away, on the goroutine
// that iterates: attempt counts from 1 in each outage, err is an *Error.
func WatchNotify(f func(attempt int, err error)) WatchOption {
	return func(w *watcher) { w.notify = f }
}

// WatchJob follows a job. An empty token begins with its first result, and one of
// an earlier watch, also another program's, goes on after the message that it came
// with. The call begins with the iteration and ends with it.
func (c *Client) WatchJob(ctx context.Context, id, token string, opts ...WatchOption) *Watch {
	w := &Watch{token: token}
	w.stream.run = func(s *Stream, yield func(Batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // a loop that was left early ends its call here
		watcher := &watcher{client: c, id: text(id), watch: w}
		for _, opt := range opts {
			opt(watcher)
		}
		s.receive(func() (event, error) { return watcher.next(ctx) }, yield)
	}
	return w
}

// Batches iterates over the results as the server sends them. An error is an
// *Error and the last thing that comes.
func (w *Watch) Batches() iter.Seq2[Batch, error] { return w.stream.Batches() }

// Results iterates over the results one by one.
func (w *Watch) Results() iter.Seq2[Result, error] { return w.stream.Results() }

// Summary closes a job. It is the zero value until the iteration has come to its
// end without an error.
func (w *Watch) Summary() Summary { return w.stream.Summary() }

// Token resumes after the batch that came last, for a WatchJob at any later time.
// Within a loop over Batches, that is the batch in hand: keep the token together
// with its results. It is the one that WatchJob was given until a batch has come.
func (w *Watch) Token() string { return w.token }

// watcher is the iteration of a Watch.
type watcher struct {
	client   *Client
	id       string
	patience time.Duration
	notify   func(attempt int, err error)
	watch    *Watch

	stream grpc.ServerStreamingClient[credenzav1.WatchJobResponse] // nil: to be opened
	opened time.Time
	// Of the outage under way.
	failures int
	since    time.Time
}

// next returns the next message, io.EOF after the last one.
func (w *watcher) next(ctx context.Context) (event, error) {
	for {
		message, err := w.receive(ctx)
		switch {
		case err == nil:
			w.failures = 0
			if token := message.GetResumeToken(); token != "" {
				w.watch.token = token
			}
			return message, nil
		case errors.Is(err, io.EOF):
			return nil, err
		}
		w.stream = nil
		if err := w.pause(ctx, errorFrom(err)); err != nil {
			return nil, err
		}
	}
}

func (w *watcher) receive(ctx context.Context) (*credenzav1.WatchJobResponse, error) {
	if w.stream == nil {
		w.opened = time.Now()
		req := &credenzav1.WatchJobRequest{JobId: w.id, ResumeToken: text(w.watch.token)}
		stream, err := w.client.jobs.WatchJob(ctx, req)
		if err != nil {
			return nil, err
		}
		w.stream = stream
	}
	return w.stream.Recv()
}

// pause waits before the next attempt. It returns the error that ends the watch:
// the one that it was given, where another attempt cannot help or there is no
// patience left, or the context's.
func (w *watcher) pause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errorFrom(ctx.Err())
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || !passing(e) {
		return err
	}
	if w.failures == 0 || time.Since(w.opened) >= settled {
		w.failures, w.since = 0, time.Now()
	}
	wait := max(pauseAfter(w.failures), e.RetryAfter)
	if w.patience > 0 && time.Since(w.since)+wait > w.patience {
		return err
	}
	w.failures++
	if w.notify != nil {
		w.notify(w.failures, err)
	}
	// The connection has pauses of its own, which grow up to two minutes: this has
	// it try now, so that it is ready when the wait is over.
	w.client.conn.ResetConnectBackoff()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errorFrom(ctx.Err())
	}
}

// passing reports whether the same call may succeed later.
func passing(e *Error) bool {
	return e.Code == codeUnavailable || e.RetryAfter > 0
}

// pauseAfter is the wait after so many failures before this one.
func pauseAfter(failures int) time.Duration {
	pause := longestPause
	if failures < 5 { // 2^5 times the first is more than the longest
		pause = min(pause, firstPause<<failures)
	}
	return pause/2 + rand.N(pause)
}
