package jobs

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// run is one replica's work on one job: it takes chunks, has the engine answer
// their items, and stores the results.
type run struct {
	service *Service
	rec     *jobRecord
	stop    context.CancelCauseFunc

	mu       sync.Mutex
	takes    map[int64]*take // in hand, by chunk
	places   map[int64]place // of the items with the engine, by the engine's index
	given    int64           // items given to the engine
	over     bool            // no further item is given
	since    time.Time       // the job is worked on
	obstacle string          // what keeps the job from going on, for people

	// Only the source's goroutine touches these.
	consumer   jetstream.Consumer
	current    *take // the chunk whose items are given
	incomplete int   // times in a row that results were missing
	quiet      int   // times in a row that no chunk came
	anew       int   // times that all chunks were looked at anew
}

// place is where an item stands.
type place struct {
	take *take
	at   int
}

func newRun(s *Service, rec *jobRecord, stop context.CancelCauseFunc) *run {
	return &run{service: s, rec: rec, stop: stop, since: time.Now()}
}

// drain has the run give the engine nothing more.
func (r *run) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

func (r *run) isLost(t *take) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.lost
}

func (r *run) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// trouble notes what keeps the job from going on; nil: nothing does.
func (r *run) trouble(err error) {
	text := ""
	if err != nil {
		text = fault.From(asFault(err)).Message
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.obstacle = text
}

// says returns what keeps the job from going on, for people; empty: nothing.
func (r *run) says() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o, _ := r.service.engine.Outage(r.rec.Options.Model); r.obstacle == "" && o != nil {
		return o.String()
	}
	return r.obstacle
}

// once works on the job until it has ended, with nil, or something fails.
func (r *run) once(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	r.takes, r.places, r.given, r.current, r.incomplete, r.quiet = map[int64]*take{}, map[int64]place{}, 0, nil, 0, 0
	var beating sync.WaitGroup
	defer beating.Wait()
	beat, still := context.WithCancel(ctx)
	defer still()
	beating.Go(func() { r.beat(beat) })
	defer r.giveBack()
	_, err := r.service.engine.Run(ctx, r.call(), r.next, func(b catalog.Batch) error { return r.save(ctx, &b) })
	if errors.As(err, new(*unreadable)) {
		r.service.log.Error("a job is given up", zap.String("job", r.rec.ID), zap.Error(err))
		return r.service.end(ctx, r.rec, catalog.JobFailed, "stored items cannot be read any more: send them again as a new job")
	}
	return err
}

// begin takes the job up: its state, and the consumer that all replicas share.
func (r *run) begin(ctx context.Context) error {
	if err := r.service.markRunning(ctx, r.rec.ID); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	consumer, err := r.service.store.items.CreateOrUpdateConsumer(within, jetstream.ConsumerConfig{
		Durable: r.rec.Upload, FilterSubject: allOf(itemsPrefix, r.rec.Upload), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: r.service.config.AckWait, MaxDeliver: -1, MaxAckPending: maxAckPending,
	})
	if err == nil {
		r.consumer = consumer
	}
	return err
}

// maxAckPending is how many chunks of a job may be in hand on all replicas.
const maxAckPending = 10_000

func (r *run) call() classify.Call {
	o := catalog.Options(r.rec.Options)
	o.Priority, o.Delivery, o.BatchSize = catalog.Bulk, catalog.AsCompleted, classify.MaxBatchSize
	caller := catalog.Caller{ID: r.rec.Owner}
	if caller.ID == "" {
		caller.ID = "job " + r.rec.ID
	}
	return classify.Call{Caller: caller, Options: o, Total: r.rec.Items, Patient: true, Prompt: true}
}

// beat tells the store that the chunks in hand are being worked on.
func (r *run) beat(ctx context.Context) {
	tick := time.NewTicker(r.service.config.AckWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, t := range r.held() {
			if err := t.message().InProgress(); err != nil {
				r.service.log.Debug("a chunk's heartbeat was not sent", zap.String("job", r.rec.ID), zap.Error(err))
			}
		}
	}
}

// held returns the chunks in hand that are this run's.
func (r *run) held() []*take {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*take, 0, len(r.takes))
	for _, t := range r.takes {
		if !t.lost {
			list = append(list, t)
		}
	}
	return list
}

// giveBack lets others take the chunks that were not finished.
func (r *run) giveBack() {
	for _, t := range r.held() {
		if err := t.message().Nak(); err != nil {
			r.service.log.Debug("a chunk was not given back", zap.String("job", r.rec.ID), zap.Error(err))
		}
	}
}

// next is the run's classify.Source. It is asked while the window has room, so a
// chunk is taken when its first item can begin.
func (r *run) next(ctx context.Context) (*catalog.Item, error) {
	for !r.isOver() {
		if r.current == nil || r.isLost(r.current) {
			t, err := r.take(ctx)
			if err != nil {
				return nil, err
			}
			r.current = t
			continue
		}
		at, ok := r.current.next()
		if !ok {
			r.current = nil
			continue
		}
		it, err := r.load(ctx, at)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		r.places[r.given] = place{r.current, at}
		r.given++
		r.mu.Unlock()
		return it, nil
	}
	return nil, io.EOF
}

// load reads an item, and waits for a store that is away. What is missing is
// looked for again: a store that has just come back may not have all at hand.
func (r *run) load(ctx context.Context, at int) (*catalog.Item, error) {
	var it *catalog.Item
	missed := 0
	err := r.insist(ctx, func() (err error) {
		it, err = r.service.store.loadItem(ctx, r.rec.Upload, r.current.chunk, at)
		if isMissing(err) {
			if missed++; missed > maxMissed {
				return &unreadable{err}
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	given := *it
	r.current.chunk.items[at] = catalog.Item{} // the engine has it now
	return &given, nil
}

// maxMissed is how often something that should be stored is looked for.
const maxMissed = 10

// insist tries until it works: a store that is away or full is waited for, and the
// job says so meanwhile. It returns early, with the error, where the job has ended
// or is gone, or something stored is unreadable; and ctx's error when that ends.
func (r *run) insist(ctx context.Context, try func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := asFault(try())
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil, errors.Is(err, errEnded), fault.Is(err, fault.NotFound), errors.As(err, new(*unreadable)):
			r.trouble(nil)
			return err
		case fault.Is(err, fault.StorageFull):
			r.service.foundFull()
		case !fault.Is(err, fault.StorageAway):
			r.service.log.Warn("a job waits for its store: trying again", zap.String("job", r.rec.ID), zap.Error(err))
		}
		r.trouble(err)
		if pause(ctx, wait) != nil {
			return context.Cause(ctx)
		}
	}
}
