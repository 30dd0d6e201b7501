package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/inflate"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/table"
)

// compatible serves POST /classify-category as the original service did.
type compatible struct {
	config    Config
	engine    Engine
	callers   Callers
	calls     *drain.Calls
	traces    Traces // nil: there are none
	anyOrigin bool
}

func (c *compatible) serve(w *answer, r *http.Request) (string, error) {
	ctx, leave, err := c.calls.Enter(r.Context(), drain.Finite)
	if err != nil {
		return "", err
	}
	defer leave()
	caller, err := c.callers.Caller(r)
	if err != nil {
		return caller.ID, err
	}
	req, err := c.read(ctx, r)
	if err != nil {
		return caller.ID, err
	}
	call := classify.Call{
		Caller:  caller,
		TraceID: c.traceID(ctx),
		Options: catalog.Options{Mode: req.mode, Delivery: catalog.InOrder},
		Total:   int64(len(req.rows)),
	}
	return caller.ID, c.answer(ctx, w, call, req)
}

func (c *compatible) traceID(ctx context.Context) string {
	if c.traces == nil {
		return ""
	}
	return c.traces.ID(ctx)
}

func (c *compatible) read(ctx context.Context, r *http.Request) (*request, error) {
	body, err := unpacked(r, c.config.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	return readRequest(ctx, body, limits{items: c.config.MaxItems, bytes: c.config.MaxBodyBytes})
}

// unpacked returns a request's body as it was before it was compressed. Neither form
// may have more bytes than the limit.
func unpacked(r *http.Request, limit int64) (io.Reader, error) {
	compressed, known := inflate.Named(strings.Join(r.Header.Values("Content-Encoding"), ","))
	switch {
	case !known:
		return nil, &statusError{http.StatusUnsupportedMediaType, "This encoding is not supported: compress with gzip, or send it uncompressed"}
	case !compressed:
		return r.Body, nil
	}
	limits := inflate.Limits{Bytes: limit}
	if body, ok := r.Body.(*pacedBody); ok {
		limits.Charge = body.Hold
	}
	return inflate.NewReader(r.Body, limits), nil
}

// answer runs the call and writes its events. Only this goroutine writes. The engine's
// goroutine waits until each batch is written, so that a slow reader stops the call's
// admission.
func (c *compatible) answer(ctx context.Context, w *answer, call classify.Call, req *request) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A write that waits for the reader ends soon after the call does.
	defer whenEnded(ctx, func() { _ = w.SetWriteDeadline(time.Now().Add(flushTime)) })()
	run := &run{begun: make(chan struct{}), batches: make(chan catalog.Batch), notices: make(chan catalog.Notice), taken: make(chan struct{}, 1), ended: make(chan ended, 1)}
	go run.engine(ctx, c.engine, call, req)
	events := newEvents(w, c.anyOrigin)
	end, err := c.write(run, events)
	if err != nil {
		cancel(err)
		<-run.ended
		return fault.Wrap(err, fault.Cancelled, "the caller went away, or read nothing of the answer for %v", c.config.WriteTimeout)
	}
	if end.err == nil {
		if err := events.complete(end.summary.Total); err != nil {
			return fault.Wrap(err, fault.Cancelled, "the caller went away before the last event")
		}
		return nil
	}
	f := fault.From(drain.Explain(ctx, end.err))
	if events.begun && f.Reason != fault.Cancelled {
		_ = events.failed(f) // if it does not arrive, the missing last event says it too
	}
	return f
}

// whenEnded has f called when ctx ends. What it returns prevents that, or waits for
// it: an answer must not be touched once its handler has returned.
func whenEnded(ctx context.Context, f func()) (stop func()) {
	done := make(chan struct{})
	prevent := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return func() {
		if !prevent() {
			<-done
		}
	}
}

// flushTime is the time in which the caller of a call that was ended has to read what
// is in flight to it.
const flushTime = 2 * time.Second

// write writes events until the engine has ended, and comments while there are none. It
// returns an error of writing.
func (c *compatible) write(run *run, events *events) (ended, error) {
	beat := time.NewTimer(c.config.Heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-run.begun:
			run.begun = nil
			err = events.begin()
		case b := <-run.batches:
			err = events.batch(&b)
			run.taken <- struct{}{}
		case n := <-run.notices:
			err = events.notice(&n)
		case <-beat.C:
			err = events.comment()
		case end := <-run.ended:
			return end, nil
		}
		if err != nil {
			return ended{}, err
		}
		beat.Reset(c.config.Heartbeat)
	}
}

// run is one call's way between the engine's goroutine and the writing one.
type run struct {
	begun   chan struct{} // closed when the engine has taken the call on
	batches chan catalog.Batch
	notices chan catalog.Notice
	taken   chan struct{} // room for one: the last batch was written
	ended   chan ended    // room for one
}

type ended struct {
	summary catalog.Summary
	err     error
}

func (r *run) engine(ctx context.Context, engine Engine, call classify.Call, req *request) {
	var end ended
	defer func() {
		if value := recover(); value != nil {
			end.err = fault.Panicked(value)
		}
		r.ended <- end
	}()
	call.Notify = func(n catalog.Notice) error {
		select {
		case r.notices <- n:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	end.summary, end.err = engine.Run(ctx, call, req.source(r.begun), func(b catalog.Batch) error {
		select {
		case r.batches <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		select {
		case <-r.taken:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// source makes an item of each row when it is asked for, and lets go of the row.
// It closes begun when it is first asked, which is when the engine has not turned
// the call away.
func (req *request) source(begun chan struct{}) classify.Source {
	return func(ctx context.Context) (*catalog.Item, error) {
		if begun != nil {
			close(begun)
			begun = nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(req.rows) == 0 {
			return nil, io.EOF
		}
		var row table.Row
		if err := row.UnmarshalJSON(req.rows[0]); err != nil {
			return nil, errors.Join(errors.New("a row that was read once cannot be read again"), err)
		}
		intake.From(ctx).Release(int64(len(req.rows[0])))
		req.rows[0], req.rows = nil, req.rows[1:]
		return table.MapRowWithoutID(row, req.productColumn, req.columns...), nil
	}
}
