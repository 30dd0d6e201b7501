package rpc

import (
	"context"
	"time"

	"github.com/credenza-dev/credenza/internal/drain"
)

// DefaultDrain is how long calls in flight have in Shutdown if its context has no
// deadline.
const DefaultDrain = 30 * time.Second

// flushTime is how long callers have to read the last bytes of their streams, once
// all other calls have ended.
const flushTime = 2 * time.Second

// Shutdown ends the server, in this order:
//
//  1. health says NOT_SERVING, and new calls are refused with UNAVAILABLE and the
//     reason SHUTTING_DOWN;
//  2. feeds, which have no end of their own, and watches, whose jobs go on, fail
//     the same way at once; a call whose caller does not read is cut off in step 4;
//  3. the other calls may end until ctx does (DefaultDrain if it has no deadline),
//     then they fail the same way too;
//  4. connections are closed when the last bytes are flushed, or after 2 s if a
//     caller does not read them. An HTTP server closes its own connections; their
//     calls end here, in the same way.
//
// It returns when no handler runs any more: nil if all finite calls came to their
// end, else an error with the number of those that did not. Later calls wait for the
// first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop.Do(func() { s.stopErr = s.shutdown(ctx) })
	return s.stopErr
}

func (s *Server) shutdown(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultDrain)
		defer cancel()
	}
	s.calls.Close()
	s.health.Shutdown()
	s.calls.End(drain.Endless)
	err := s.calls.Wait(ctx)
	// Watchers of health and reflection outlast the drain, so that they see
	// NOT_SERVING, and would hold up the stop.
	s.calls.End(drain.Finite, drain.Auxiliary)
	// Calls over HTTP go first: gRPC's stop would cut off what the handlers have
	// said and HTTP has not yet written.
	s.web.close(flushTime)
	s.close()
	s.readers.Wait()
	return err
}

// close stops the transports, after the last bytes if callers read them in time.
func (s *Server) close() {
	s.endHandshakes()
	defer time.AfterFunc(flushTime, s.grpc.Stop).Stop() // which ends the graceful one too
	s.grpc.GracefulStop()
}
