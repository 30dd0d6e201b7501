package jobs

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxActiveJobs is how many jobs a replica works on at once. Each has a window of
// items in flight, so this bounds memory. They share the model's pool.
const maxActiveJobs = 16

// activeJobs are the jobs that this replica works on.
type activeJobs struct {
	service *Service
	working sync.WaitGroup

	mu       sync.Mutex
	active   map[string]*activeJob // by job id
	last     map[string]time.Time  // when a job that waits was worked on last, by id
	draining bool
}

func newActiveJobs(s *Service) *activeJobs {
	return &activeJobs{service: s, active: map[string]*activeJob{}, last: map[string]time.Time{}}
}

// errEnded is the cause for stopping work on a job that another replica or a caller
// has ended.
var errEnded = errors.New("the job has ended")

// errPaused is the error of beginning work on a paused job.
var errPaused = errors.New("the job is paused")

// update starts work on waiting jobs, stops work on jobs that have ended, and ends work on
// paused ones with their calls in flight.
func (r *activeJobs) update(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, job := range r.active {
		rec, ok := r.service.mirror.get(id)
		switch {
		case !ok, !rec.active(), rec.Upload != job.rec.Upload:
			job.stop(errEnded)
		case !rec.runnable():
			job.pause()
		}
	}
	if r.draining {
		return
	}
	waiting := r.service.mirror.all(func(rec *jobRecord) bool { return rec.runnable() && r.active[rec.ID] == nil })
	for len(waiting) > 0 && len(r.active) < maxActiveJobs {
		next := slices.MinFunc(waiting, r.byTurn())
		r.begin(ctx, next)
		waiting = slices.DeleteFunc(waiting, func(rec *jobRecord) bool { return rec == next })
	}
	if len(waiting) > 0 {
		r.yieldOne()
	} else {
		clear(r.last)
	}
}

// turn is how long a job is worked on before it yields to jobs that wait.
const turn = 10 * time.Second

// yieldOne drains one job: of the owner with the most active jobs, the one that has
// been active for the longest time. It continues later or on another replica. The
// caller holds mu.
func (r *activeJobs) yieldOne() {
	counts, active := r.countByOwner(), slices.Collect(maps.Values(r.active))
	if slices.ContainsFunc(active, func(job *activeJob) bool { return job.draining.Load() }) {
		return
	}
	longest := slices.MaxFunc(active, func(a, b *activeJob) int {
		return cmp.Or(cmp.Compare(counts[a.rec.Owner], counts[b.rec.Owner]), b.since.Compare(a.since))
	})
	if time.Since(longest.since) > turn {
		longest.draining.Store(true)
	}
}

// countByOwner returns the number of active jobs of each owner. The caller holds mu.
func (r *activeJobs) countByOwner() map[string]int {
	counts := map[string]int{}
	for _, job := range r.active {
		counts[job.rec.Owner]++
	}
	return counts
}

// byTurn compares jobs that wait: first come those of the owner with the fewest active
// jobs, of these the one that has waited for the longest time. The caller holds mu.
func (r *activeJobs) byTurn() func(a, b *jobRecord) int {
	counts := r.countByOwner()
	return func(a, b *jobRecord) int {
		return cmp.Or(cmp.Compare(counts[a.Owner], counts[b.Owner]), r.last[a.ID].Compare(r.last[b.ID]), cmp.Compare(a.Created, b.Created))
	}
}

// begin starts work on a job. The caller holds mu.
func (r *activeJobs) begin(ctx context.Context, rec *jobRecord) {
	ctx, stop := context.WithCancelCause(ctx)
	job := newActiveJob(r.service, rec, stop)
	r.active[rec.ID] = job
	r.working.Go(func() {
		defer stop(nil)
		defer job.halt()
		job.work(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.active, rec.ID)
		r.last[rec.ID] = time.Now()
	})
}

// get returns the active job with the id, or nil.
func (r *activeJobs) get(id string) *activeJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active[id]
}

func (r *activeJobs) drain(ctx context.Context) {
	r.mu.Lock()
	r.draining = true
	for _, job := range r.active {
		job.draining.Store(true)
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
		case <-r.stopBlocked():
		case <-ctx.Done():
			r.close()
			<-done
			return
		}
	}
}

// stopBlocked stops the jobs whose model's server is away, since waiting for them
// would use up the time for draining. Their claimed chunks are done later. The
// channel is closed when stopBlocked should be called again.
func (r *activeJobs) stopBlocked() (changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, job := range r.active {
		var outage *catalog.Outage
		if outage, changed = r.service.engine.Outage(job.rec.Options.Model); outage != nil {
			job.stop(errClosing)
		}
	}
	return changed
}

func (r *activeJobs) close() {
	r.mu.Lock()
	r.draining = true
	for _, job := range r.active {
		job.stop(errClosing)
	}
	r.mu.Unlock()
	r.working.Wait()
}

// work runs the job until it or ctx has ended.
func (j *activeJob) work(ctx context.Context) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := j.runOnce(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, errEnded) || errors.Is(err, errPaused) {
			return
		}
		if j.service.store.away() == nil { // else it is in the log
			j.log.Warn("a job cannot continue: trying again", zap.Error(err))
		}
		j.setObstacle(err)
		if !isStores(err) {
			if err := j.service.countFailedRun(ctx, j.rec, err); err != nil {
				j.log.Debug("a failed run was not counted", zap.Error(err))
			}
		}
		if pause(ctx, wait) != nil {
			return
		}
	}
}
