package jobs

import (
	"context"
	"math"

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
