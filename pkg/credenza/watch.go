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

// Between attempts to reach a server again, the wait doubles from firstPause to
// longestPause, with a jitter of up to a half, so that the watchers of a server that went
// down do not all return at once.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
	// settled is how long a connection must last to end an outage without a message,
	// since a job may be quiet for hours.
	settled = time.Minute
)

// Watch is the results of a job, from the beginning or from a resume token, then
// live until the job's end. It is iterated over once, like a Stream, by one
// goroutine.
//
// It outlives its server. While that is away, shutting down, or without storage
// ("UNAVAILABLE", or an error with a RetryAfter), the iteration waits, and continues
// where it was when a server answers, until ctx ends or for as long as WatchPatience
// allows. No result is missed or repeated. Any other error ends it.
type Watch struct {
	stream Stream
	token  string
}

// WatchOption tunes WatchJob.
type WatchOption func(*watcher)

// WatchPatience ends the watch with the last error when an outage has lasted for d. An
// outage begins when the stream breaks and ends with the next message, or when a
// connection lasts for a minute. Without this option, or with 0, only ctx ends the wait.
func WatchPatience(d time.Duration) WatchOption { return func(w *watcher) { w.patience = d } }

// WatchNotify calls f before each wait for a server that is away, on the goroutine
// that iterates: attempt counts from 1 in each outage, err is an *Error.
func WatchNotify(f func(attempt int, err error)) WatchOption {
	return func(w *watcher) { w.notify = f }
}

// JobPlace is a place in the results of a job.
type JobPlace struct {
	JobID string
	// Token is that of an earlier watch, of any program. Empty: the first result.
	Token string
}

// Follow is WatchJob from a place, in which the two strings have names.
func (c *Client) Follow(ctx context.Context, from JobPlace, opts ...WatchOption) *Watch {
	return c.WatchJob(ctx, from.JobID, from.Token, opts...)
}

// WatchJob follows a job. With an empty token it begins with the first result. With a
// token of an earlier watch, of any program, it continues after the message that had the
// token. The call begins and ends with the iteration.
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

// Summary returns the counts of the job. It is the zero value until the iteration has
// ended without an error.
func (w *Watch) Summary() Summary { return w.stream.Summary() }

// Token returns a token with which a later WatchJob continues after the last batch.
// Within a loop over Batches, that is the current batch: store the token together with
// its results. Before the first batch it is the token that was passed to WatchJob.
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
	// Of the current outage.
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

// pause waits before the next attempt. It returns an error to end the watch: err if
// another attempt cannot help or the patience is used up, or the context's error.
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
	// The connection has pauses of its own. This makes it try now, so that it is ready after the wait.
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

// passing reports whether the call may succeed later.
func passing(e *Error) bool {
	return e.Code == CodeUnavailable || e.RetryAfter > 0
}

// pauseAfter returns the wait after a failure that followed the given number of others.
func pauseAfter(failures int) time.Duration {
	pause := longestPause
	if failures < 5 { // 2^5 times the first is more than the longest
		pause = min(pause, firstPause<<failures)
	}
	return pause/2 + rand.N(pause)
}
