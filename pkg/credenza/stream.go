package credenza

import (
	"context"
	"errors"
	"io"
	"iter"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Stream is the results of one call. The call begins with the iteration and ends
// with it: nothing needs to be closed, and a stream that is never iterated over
// costs nothing. A stream is iterated over once, by one goroutine.
type Stream struct {
	run      func(s *Stream, yield func(Batch, error) bool)
	onNotice func(Notice) // nil: notices are ignored
	started  bool
	summary  Summary
}

// event is a message of either streaming call.
type event interface {
	GetBatch() *credenzav1.Batch
	GetNotice() *credenzav1.Notice
	GetSummary() *credenzav1.Summary
}

// ClassifyStream classifies a list of items. The list must not change before the
// iteration begins. It must have at least one item and at most as many as the server
// accepts (by default 100,000), else the call fails with CodeInvalidArgument. ClassifyItems
// takes any number.
func (c *Client) ClassifyStream(ctx context.Context, items []Item, o Options) *Stream {
	return &Stream{run: func(s *Stream, yield func(Batch, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // a loop that was left early ends its call here
		c.receiveStream(ctx, s, &chunk{items: converted(items, itemToProto)}, o, yield)
	}}
}

// receiveStream makes a call with one message.
func (c *Client) receiveStream(ctx context.Context, s *Stream, all *chunk, o Options, yield func(Batch, error) bool) {
	req := &credenzav1.ClassifyStreamRequest{
		Items: all.items, Rows: all.rowChunk(), Mode: modeToProto(o.Mode), Options: optionsToProto(o),
	}
	if err := c.checkSize(req); err != nil {
		yield(Batch{}, err)
		return
	}
	stream, err := c.items.ClassifyStream(ctx, req)
	if err != nil {
		yield(Batch{}, errorFrom(err))
		return
	}
	s.receive(func() (event, error) {
		res, err := stream.Recv()
		return res, err
	}, yield)
}

// Batches iterates over the results as the server sends them. An error is an
// *Error and the last thing that comes.
func (s *Stream) Batches() iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if s.started {
			yield(Batch{}, &Error{
				Code:    CodeFailedPrecondition,
				Message: "the stream was iterated over before: make another call",
			})
			return
		}
		s.started = true
		s.run(s, yield)
	}
}

// Results iterates over the results one by one, in the order in which they come,
// which is the order of the items only with Options.InOrder. An error is an
// *Error and the last thing that comes.
func (s *Stream) Results() iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for batch, err := range s.Batches() {
			if err != nil {
				yield(Result{}, err)
				return
			}
			for _, result := range batch.Results {
				if !yield(result, nil) {
					return
				}
			}
		}
	}
}

// Summary returns the counts of the call. It is the zero value until the iteration has
// ended without an error.
func (s *Stream) Summary() Summary { return s.summary }

// receive calls yield with batches until the stream ends, an error occurs, or yield
// returns false.
func (s *Stream) receive(next func() (event, error), yield func(Batch, error) bool) {
	var summary *credenzav1.Summary
	for {
		e, err := next()
		switch {
		case errors.Is(err, io.EOF):
			s.finish(summary, yield)
			return
		case err != nil:
			yield(Batch{}, errorFrom(err))
			return
		case e.GetSummary() != nil:
			summary = e.GetSummary()
		case e.GetBatch() != nil:
			if !yield(batchFromProto(e.GetBatch()), nil) {
				return
			}
		case e.GetNotice() != nil && s.onNotice != nil:
			s.onNotice(noticeFromProto(e.GetNotice()))
		}
	}
}

// finish returns an error for a stream that ended without a summary, since results may
// be missing.
func (s *Stream) finish(summary *credenzav1.Summary, yield func(Batch, error) bool) {
	if summary == nil {
		yield(Batch{}, &Error{Code: CodeInternal, Message: "the stream ended without its summary: results may be missing"})
		return
	}
	s.summary = summaryFromProto(summary)
}
