package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Config is the service's tuning.
type Config struct {
	// MaxBytes bounds what all jobs together store: half of it results, a quarter
	// items, and a quarter items that are larger than a message.
	MaxBytes int64
	// Keep is how long a job that has ended is kept.
	Keep time.Duration
	// BatchSize is for watchers of jobs that ask for none, by kind.
	BatchSize [catalog.NumKinds]int
	// AckWait is how long a worker may be silent before its chunks go to another.
	// 0: 10 s.
	AckWait time.Duration
	// UploadWait is how long an upload may be silent before it is taken for one that
	// broke off with its server. 0: 1 h.
	UploadWait time.Duration
	// Caps bounds what each owner may have stored. Nil: nothing is bounded.
	Caps Caps
	// Traces connects a job's items with the call that created it. Nil: nothing is traced.
	Traces Traces
	// Sync is how soon results are on disk. 0: before they count as stored.
	Sync time.Duration
	// TidyPause is the least time between two tidyings while the store is full. 0: 10 s.
	TidyPause time.Duration
}

// The least and the most of what is configured.
const (
	MinBytes          = 16 << 20
	defaultAckWait    = 10 * time.Second
	defaultUploadWait = time.Hour
	defaultTidyPause  = 10 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	c.AckWait = cmp.Or(c.AckWait, defaultAckWait)
	c.UploadWait = cmp.Or(c.UploadWait, defaultUploadWait)
	c.TidyPause = cmp.Or(c.TidyPause, defaultTidyPause)
	switch {
	case c.MaxBytes < MinBytes:
		return c, fmt.Errorf("jobs may store %s: give at least %d", catalog.Count(c.MaxBytes, "byte"), MinBytes)
	case c.Keep <= 0:
		return c, fmt.Errorf("jobs are kept for %v: give a time above 0", c.Keep)
	case c.AckWait < 0, c.UploadWait < 0, c.Sync < 0:
		return c, fmt.Errorf("a worker may be silent for %v, an upload for %v, and results are synced within %v: give no negative times", c.AckWait, c.UploadWait, c.Sync)
	}
	return c, nil
}

// Engine classifies: see classify.Engine.
type Engine interface {
	Run(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error)
	Outage(model string) (*catalog.Outage, <-chan struct{})
}

// Traces carries the trace of the call that creates a job to the replicas that run it.
type Traces interface {
	// Stored returns the trace of ctx as W3C's traceparent; empty: there is none.
	Stored(ctx context.Context) string
	// Continue returns a context in the stored trace, for a replica's work on the job.
	Continue(ctx context.Context, stored, job string) context.Context
	// JobDone is called with that context when the work ends. The error is nil unless it
	// failed.
	JobDone(ctx context.Context, err error)
}

// Storage stores jobs: see broker.Broker.
type Storage interface {
	JetStream() jetstream.JetStream
	// Connected reports whether the store can be reached now.
	Connected() bool
	// Replicas is on how many servers each message is stored, and MaxMessage the most
	// bytes of one. They are known while the store can be reached.
	Replicas() int
	MaxMessage() int
	// Sync returns nil once everything that was stored before the call is on disk.
	Sync(ctx context.Context) error
	// SyncWithin schedules a sync within the time and does not wait for it.
	SyncWithin(d time.Duration)
	// Lost returns a fault if nothing can be stored any more, else nil.
	Lost() error
}

// Service keeps jobs and takes part in running them. Its methods are safe for
// concurrent use. The caller of Start closes it before the storage.
//
// Errors are faults or the context's: NotFound for a job that is not there or not
// the caller's, DataLoss for one of which something is stored that cannot be read any
// more, StorageFull, StorageAway, Conflict for what the job's state does
// not allow, and InvalidRequest.
type Service struct {
	config Config
	store  *store
	engine Engine
	log    *zap.Logger

	mirror     *mirror
	tallies    sync.Map // *count by upload
	lost       *lost
	activeJobs *activeJobs
	full       chan struct{}       // room for one: the store was found full
	pages      *semaphore.Weighted // the pages that may be read with rows

	stop   context.CancelCauseFunc
	ending sync.WaitGroup
}

// Start opens the stored jobs and begins to run those that have not ended. A store that
// is away is opened when it comes, and until then calls get StorageAway.
func Start(ctx context.Context, config Config, storage Storage, engine Engine, log *zap.Logger) (*Service, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{
		config: config, store: newStore(storage, config), engine: engine, log: log,
		mirror: newMirror(), lost: newLost(), full: make(chan struct{}, 1), pages: semaphore.NewWeighted(maxPagesWithRows),
	}
	err = storageAway(nats.ErrDisconnected)
	if storage.Connected() {
		opening, cancel := context.WithTimeout(ctx, setUpTime)
		defer cancel()
		err = s.store.setUp(opening)
	}
	if err != nil && !fault.Is(asFault(err), fault.StorageAway) {
		return nil, fmt.Errorf("the store of jobs cannot be opened: %w", explained(err))
	}
	background, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s.stop = stop
	s.activeJobs = newActiveJobs(s)
	if err == nil {
		s.begin(background)
	} else {
		s.ending.Go(func() { s.beginLater(background) })
	}
	return s, nil
}

// begin starts the background work on the open store.
func (s *Service) begin(ctx context.Context) {
	s.ending.Go(func() { s.follow(ctx) })
	s.ending.Go(func() { s.findLost(ctx) })
	s.ending.Go(func() { s.tidyRegularly(ctx) })
}

// beginLater opens a store that is away, and then begins.
func (s *Service) beginLater(ctx context.Context) {
	s.log.Warn("the store of jobs is away: jobs are refused until it comes")
	for {
		err := s.store.setUp(ctx)
		if err == nil {
			s.log.Info("the store of jobs is open")
			s.begin(ctx)
			return
		}
		if pause(ctx, time.Second) != nil {
			return
		}
		s.log.Error("the store of jobs cannot be opened: trying again", zap.Error(explained(err)))
	}
}

// explained returns err with advice on a store that cannot be opened.
func explained(err error) error {
	if fault.Is(asFault(err), fault.StorageFull) {
		return fmt.Errorf("%w: give jobs less room in jobs-max-mib, or the server more", err)
	}
	return err
}

// errClosing is the cause that ends background work at Close.
var errClosing = errors.New("the service is closing")

// Drain claims no further chunks and returns when the claimed ones are done, or when
// ctx ends. It stops jobs whose model's server is away at once. Other replicas take
// over the rest.
func (s *Service) Drain(ctx context.Context) { s.activeJobs.drain(ctx) }

// Close stops all work. Items in flight are done after the next start. It returns when
// no goroutine of the service is left.
func (s *Service) Close() {
	s.activeJobs.close()
	s.stop(errClosing)
	s.ending.Wait()
}
