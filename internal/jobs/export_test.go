package jobs

import (
	"context"
	"math"
	"net/http"

	"github.com/nats-io/nats.go/jetstream"
)

// HideMiddle has those who read the results from a place within the stream on find nothing.
func HideMiddle(s *Service) { s.store.results = hiddenMiddle{s.store.results} }

type hiddenMiddle struct{ jetstream.Stream }

func (h hiddenMiddle) OrderedConsumer(ctx context.Context, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	if cfg.OptStartSeq > 1 {
		cfg.OptStartSeq = math.MaxInt32
	}
	return h.Stream.OrderedConsumer(ctx, cfg)
}

// FailResults has the store answer with an error of its own, which it describes so, if results
// are removed or the last one is looked for. It writes down what it removes.
func FailResults(s *Service, description string) {
	s.store.results = failingResults{s.store.results, &jetstream.APIError{
		Code: http.StatusInternalServerError, ErrorCode: 10051, Description: description,
	}}
}

type failingResults struct {
	jetstream.Stream
	err error
}

func (f failingResults) Purge(context.Context, ...jetstream.StreamPurgeOpt) error { return f.err }

func (f failingResults) GetLastMsgForSubject(context.Context, string) (*jetstream.RawStreamMsg, error) {
	return nil, f.err
}
