package jobs

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// activeJob is one replica's work on one job: it claims chunks, has the engine
// classify their items, and stores the results.
type activeJob struct {
	service *Service
	rec     *jobRecord
	log     *zap.Logger // with the job's id
	stop    context.CancelCauseFunc

	mu       sync.Mutex
	claims   map[int64]*claim // chunks that are being worked on, by number
	places   map[int64]place  // of the items in the engine, by the engine's index
	given    int64            // items given to the engine
	obstacle string           // why the job does not progress, for people

	draining atomic.Bool     // no further item is given
	since    time.Time       // the job is worked on
	halting  context.Context //nolint:containedctx // ends when no further call is begun; halt ends it
	halt     context.CancelFunc

	// Only the source's goroutine touches these.
	consumer     jetstream.Consumer
	current      *claim // the chunk whose items are given
	incomplete   int    // times in a row that results were missing
	emptyFetches int    // times in a row that no chunk came
	restarts     int    // times that all chunks were delivered again
}

// place is an item's place in a claimed chunk.
type place struct {
	claim *claim
	at    int
}

func newActiveJob(s *Service, rec *jobRecord, stop context.CancelCauseFunc) *activeJob {
	j := &activeJob{service: s, rec: rec, log: rec.named(s.log), stop: stop, since: time.Now()}
	j.halting, j.halt = context.WithCancel(context.Background())
	return j
}

// pause ends the work with the calls in flight.
func (j *activeJob) pause() {
	j.draining.Store(true)
	j.halt()
}

// setObstacle records why the job does not progress. nil: it does.
func (j *activeJob) setObstacle(err error) {
	text := ""
	if err != nil {
		text = fault.From(asFault(err)).Message
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.obstacle = text
}

// obstacleText returns why the job does not progress, for people; empty if it does.
func (j *activeJob) obstacleText() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if o, _ := j.service.engine.Outage(j.rec.Options.Model); j.obstacle == "" && o != nil {
		return o.String()
	}
	return j.obstacle
}

// runOnce works on the job until it has ended and returns nil, or returns the first
// error.
func (j *activeJob) runOnce(ctx context.Context) error { return j.traced(ctx, j.run) }

func (j *activeJob) run(ctx context.Context) (err error) {
	defer recovered(&err)
	if err := j.begin(ctx); err != nil {
		return err
	}
	j.claims, j.places, j.given, j.current, j.incomplete, j.emptyFetches = map[int64]*claim{}, map[int64]place{}, 0, nil, 0, 0
	var beating sync.WaitGroup
	defer beating.Wait()
	heartbeat, still := context.WithCancel(ctx)
	defer still()
	beating.Go(func() { j.heartbeat(heartbeat) })
	defer j.returnClaims()
	_, err = j.service.engine.Run(ctx, j.call(), j.next, func(b catalog.Batch) error { return j.save(ctx, &b) })
	if errors.As(err, new(*unreadable)) {
		j.log.Error("a job has failed: stored items cannot be read", zap.Error(err))
		return j.service.end(ctx, j.rec, catalog.JobFailed, "stored items cannot be read any more: send them again as a new job")
	}
	return err
}

// begin marks the job as running and opens the consumer that all replicas share.
func (j *activeJob) begin(ctx context.Context) error {
	if err := j.service.markRunning(ctx, j.rec); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	consumer, err := j.service.store.items.CreateOrUpdateConsumer(within, jetstream.ConsumerConfig{
		Durable: j.rec.Upload, FilterSubject: allOf(itemsPrefix, j.rec.Upload), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: j.service.config.AckWait, MaxDeliver: -1, MaxAckPending: maxAckPending,
	})
	if err == nil {
		j.consumer = consumer
	}
	return err
}

// maxAckPending is how many chunks of a job all replicas together may work on.
const maxAckPending = 10_000

func (j *activeJob) call() classify.Call {
	o := j.rec.Options
	o.Priority, o.Delivery, o.BatchSize = catalog.Bulk, catalog.AsCompleted, classify.MaxBatchSize
	caller := catalog.Caller{ID: j.rec.Owner}
	if caller.ID == "" {
		caller.ID = "job " + j.rec.ID
	}
	return classify.Call{Caller: caller, Options: o, TraceID: j.rec.traceID(), Total: j.rec.Items, Patient: true, Prompt: true, Halt: j.halting}
}

// heartbeat reports to the store that the claimed chunks are being worked on.
func (j *activeJob) heartbeat(ctx context.Context) {
	for range catalog.Every(ctx, j.service.config.AckWait/3) {
		for _, t := range j.ownClaims() {
			if err := (*t.msg.Load()).InProgress(); err != nil {
				j.log.Debug("a chunk's heartbeat was not sent", zap.Error(err))
			}
		}
	}
}

// ownClaims returns the claims that no other worker has taken over.
func (j *activeJob) ownClaims() []*claim {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Collect(maps.Values(j.claims))
}

// returnClaims lets other workers claim the chunks that are not finished.
func (j *activeJob) returnClaims() {
	for _, t := range j.ownClaims() {
		if err := (*t.msg.Load()).Nak(); err != nil {
			j.log.Debug("a chunk was not returned", zap.Error(err))
		}
	}
}

// next is the job's classify.Source. The engine calls it while the window has room, so
// a chunk is claimed when its first item can start.
func (j *activeJob) next(ctx context.Context) (*catalog.Item, error) {
	for !j.draining.Load() {
		if j.current == nil || j.current.lost.Load() {
			t, err := j.claim(ctx)
			if errors.Is(err, errPaused) { // calls in flight go on
				err = io.EOF
			}
			if err != nil {
				return nil, err
			}
			j.current = t
			continue
		}
		at, ok := j.current.next()
		if !ok {
			j.current = nil
			continue
		}
		it, err := j.load(ctx, at)
		if err != nil {
			return nil, err
		}
		j.mu.Lock()
		j.places[j.given] = place{j.current, at}
		j.given++
		j.mu.Unlock()
		return it, nil
	}
	return nil, io.EOF
}

// load reads an item. It waits for a store that is away, and retries if the item is
// missing, since a store that has just come back may be behind.
func (j *activeJob) load(ctx context.Context, at int) (*catalog.Item, error) {
	var it *catalog.Item
	err := j.retryUntilDone(ctx, func() (err error) {
		it, err = j.service.store.loadItem(ctx, j.rec.Upload, j.current.chunk, at)
		return err
	})
	if isMissing(err) {
		err = &unreadable{err}
	}
	if err != nil {
		return nil, err
	}
	given := *it
	j.current.chunk.items[at] = catalog.Item{} // the engine has it now
	return &given, nil
}

// maxTries is how often something is tried that fails although the store is there.
const maxTries = 10

// retryUntilDone calls try until it succeeds. While the store is away or full it waits,
// and the job's message says so. It returns an error if the job has ended, is paused or
// is deleted, if the error is permanent, after maxTries if it may be, or when ctx ends.
func (j *activeJob) retryUntilDone(ctx context.Context, try func() error) error {
	failed := 0
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := asFault(try())
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil, errors.Is(err, errEnded), errors.Is(err, errPaused), isPermanent(err):
			j.setObstacle(nil)
			return err
		case fault.Is(err, fault.StorageFull):
			j.service.foundFull()
		case !fault.Is(err, fault.StorageAway):
			if failed++; failed == maxTries {
				return err
			}
			j.log.Warn("a job waits for its store: trying again", zap.Error(err))
		}
		j.setObstacle(err)
		if pause(ctx, wait) != nil {
			return context.Cause(ctx)
		}
	}
}
