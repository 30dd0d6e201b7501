package jobs

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxRuns is how many jobs a replica works on at once. Each has a window of items
// under way, so this bounds memory; the model's pool is shared by all of them.
const maxRuns = 16

// runs are the jobs that this replica works on.
type runs struct {
	service *Service
	working sync.WaitGroup

	mu       sync.Mutex
	active   map[string]*run      // by job id
	last     map[string]time.Time // when a job that waits was worked on last, by id
	draining bool
}

func newRuns(s *Service) *runs {
	return &runs{service: s, active: map[string]*run{}, last: map[string]time.Time{}}
}

// errEnded is why a run is stopped whose job has ended elsewhere.
var errEnded = errors.New("the job has ended")

// consider begins what is to be done and ends what is no longer.
func (r *runs) consider(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, run := range r.active {
		if rec, ok := r.service.mirror.get(id); !ok || !rec.active() || rec.Upload != run.rec.Upload {
			run.stop(errEnded)
		}
	}
	if r.draining {
		return
	}
	waiting := r.service.mirror.all(func(rec *jobRecord) bool { return rec.active() && r.active[rec.ID] == nil })
	for len(waiting) > 0 && len(r.active) < maxRuns {
		i := r.first(waiting)
		r.begin(ctx, waiting[i])
		waiting = append(waiting[:i], waiting[i+1:]...)
	}
	if len(waiting) > 0 {
		r.makeWay()
	} else {
		clear(r.last)
	}
}

// turn is how long a job is worked on before it makes way for others that wait.
const turn = 10 * time.Second

// makeWay has one job make way, of the owner with the most jobs under way the one
// that is worked on for the longest. It goes on later, or on another replica. The
// caller holds mu.
func (r *runs) makeWay() {
	underWay := r.underWay()
	var longest *run
	for _, run := range r.active {
		if run.isOver() {
			return // one is at it
		}
		if longest == nil || underWay[run.rec.Owner] > underWay[longest.rec.Owner] ||
			(underWay[run.rec.Owner] == underWay[longest.rec.Owner] && run.since.Before(longest.since)) {
			longest = run
		}
	}
	if longest != nil && time.Since(longest.since) > turn {
		longest.drain()
	}
}

// underWay counts the jobs under way by owner. The caller holds mu.
func (r *runs) underWay() map[string]int {
	counts := map[string]int{}
	for _, run := range r.active {
		counts[run.rec.Owner]++
	}
	return counts
}

// first chooses the job of the owner with the fewest jobs under way, of these the
// one that has waited for the longest. The caller holds mu.
func (r *runs) first(waiting []*jobRecord) (first int) {
	underWay := r.underWay()
	before := func(a, b *jobRecord) bool {
		return cmp.Or(cmp.Compare(underWay[a.Owner], underWay[b.Owner]), r.last[a.ID].Compare(r.last[b.ID]),
			cmp.Compare(a.Created, b.Created)) < 0
	}
	for i, rec := range waiting {
		if before(rec, waiting[first]) {
			first = i
		}
	}
	return first
}

// begin starts a run. The caller holds mu.
func (r *runs) begin(ctx context.Context, rec *jobRecord) {
	ctx, stop := context.WithCancelCause(ctx)
	run := newRun(r.service, rec, stop)
	r.active[rec.ID] = run
	r.working.Go(func() {
		defer stop(nil)
		run.work(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.active, rec.ID)
		r.last[rec.ID] = time.Now()
	})
}

// get returns the run of a job, nil where there is none here.
func (r *runs) get(id string) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active[id]
}

func (r *runs) drain(ctx context.Context) {
	r.mu.Lock()
	r.draining = true
	for _, run := range r.active {
		run.drain()
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.working.Wait()
	}()
	for {
		select {
		case <-done:
			return
		case <-r.stopHeldUp():
		case <-ctx.Done():
			r.close()
			<-done
			return
		}
	}
}

// stopHeldUp stops the runs whose model's server is away, which would only use up
// the time. What they have in hand stays to be done. The channel is closed when it
// is to be called again.
func (r *runs) stopHeldUp() (changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.active {
		var outage *catalog.Outage
		if outage, changed = r.service.engine.Outage(run.rec.Options.Model); outage != nil {
			run.stop(errClosing)
		}
	}
	return changed
}

func (r *runs) close() {
	r.mu.Lock()
	r.draining = true
	for _, run := range r.active {
		run.stop(errClosing)
	}
	r.mu.Unlock()
	r.working.Wait()
}

// work runs the job until it has ended or ctx does.
func (r *run) work(ctx context.Context) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := r.once(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, errEnded) {
			return
		}
		if r.service.store.storage.Lost() == nil { // else it is in the log
			r.service.log.Warn("a job cannot go on: trying again", zap.String("job", r.rec.ID), zap.Error(err))
		}
		r.trouble(err)
		if pause(ctx, wait) != nil {
			return
		}
	}
}
