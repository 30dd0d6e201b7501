package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

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
	// Replicas is on how many servers of a cluster each message is stored.
	Replicas int
	// MaxMessage is the most bytes that the store takes as one message.
	MaxMessage int
	// AckWait is how long a worker may be silent before its chunks go to another.
	// 0: 10 s.
	AckWait time.Duration
	// UploadWait is how long an upload may be silent before it is taken for one that
	// broke off with its server. 0: 1 h.
	UploadWait time.Duration
	// Caps bounds what each owner may have stored. Nil: nothing is bounded.
	Caps Caps
	// Sync is how soon results are on disk. 0: before they count as stored.
	Sync time.Duration
}

// The least and the most of what is configured.
const (
	MinBytes          = 16 << 20
	defaultAckWait    = 10 * time.Second
	defaultUploadWait = time.Hour
)

func (c Config) withDefaults() (Config, error) {
	c.AckWait = cmp.Or(c.AckWait, defaultAckWait)
	c.UploadWait = cmp.Or(c.UploadWait, defaultUploadWait)
	switch {
	case c.MaxBytes < MinBytes:
		return c, fmt.Errorf("jobs may store %d bytes: give at least %d", c.MaxBytes, MinBytes)
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

// Storage stores jobs: see broker.Broker.
type Storage interface {
	JetStream() jetstream.JetStream
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
	tallies    *tallies
	lost       *lost
	activeJobs *activeJobs
	full       chan struct{} // room for one: the store was found full

	stop   context.CancelCauseFunc
	ending sync.WaitGroup
}

// Start opens the stored jobs and begins to run those that have not ended.
func Start(ctx context.Context, config Config, storage Storage, engine Engine, log *zap.Logger) (*Service, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	st, err := openStore(opening, storage, config)
	if err != nil {
		return nil, fmt.Errorf("the store of jobs cannot be opened: %w", explained(err))
	}
	s := &Service{config: config, store: st, engine: engine, log: log, mirror: newMirror(), tallies: &tallies{}, lost: newLost(), full: make(chan struct{}, 1)}
	background, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s.stop = stop
	s.activeJobs = newActiveJobs(s)
	s.ending.Go(func() { s.follow(background) })
	s.ending.Go(func() { s.findLost(background) })
	s.ending.Go(func() { s.tidyRegularly(background) })
	return s, nil
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
