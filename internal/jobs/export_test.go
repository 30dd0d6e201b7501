package jobs

import (
	"context"
	"math"
	"net/http"
	"syscall"

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

// FillDisk has the removal of results fail as on a disk without room: the store writes down
// what it removes.
func FillDisk(s *Service) { s.store.results = fullDisk{s.store.results} }

type fullDisk struct{ jetstream.Stream }

func (fullDisk) Purge(context.Context, ...jetstream.StreamPurgeOpt) error {
	return &jetstream.APIError{Code: http.StatusInternalServerError, ErrorCode: 10051, Description: "write 3.blk: " + syscall.ENOSPC.Error()}
}
