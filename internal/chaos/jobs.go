package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// jobTime is how long a job may take, faults included.
const jobTime = 15 * time.Minute

// job creates a job, follows it to its end, checks its results, and deletes it. Every step
// is repeated until it is done, on any replica with the store.
func (l *load) job(rng *rand.Rand, store string) {
	ctx, cancel := context.WithTimeout(context.Background(), jobTime)
	defer cancel()
	l.book.jobs.Add(1)
	list := newItems(l.sizeOf(rng))
	poison(rng, list)
	l.book.accepted.Add(int64(len(list)))
	spec := credenza.JobSpec{
		Options:   credenza.Options{Mode: credenza.Text, Cache: credenza.CacheBypass, BatchSize: 1 + rng.IntN(100)},
		RequestID: fmt.Sprint("job-", l.seed, "-", items.Load()),
	}
	job, ok := l.create(ctx, rng, store, list, spec)
	if !ok {
		return
	}
	f := &followed{load: l, store: store, id: job.ID, tally: newTally("job " + job.ID), indexes: indexesOf(len(list))}
	f.toEnd(ctx, rng)
	if !f.cancelled && len(f.retryable) > 0 {
		l.retry(ctx, rng, f)
	}
	f.remove(ctx, rng)
}

// sizeOf is mostly small, so that there are many jobs, and sometimes several chunks of a store.
func (l *load) sizeOf(rng *rand.Rand) int {
	if rng.IntN(6) == 0 && !l.brief {
		return 1500 + rng.IntN(1500)
	}
	return 50 + rng.IntN(350)
}

// poison has some items fail in a way that may pass, so that there is something to retry.
func poison(rng *rand.Rand, list []credenza.Item) {
	if rng.IntN(3) > 0 {
		return
	}
	for i := range list {
		if rng.IntN(50) == 0 {
			list[i].Description = "sim:garbagex6"
		}
	}
}

// create uploads a job until a server has it. Its request id makes it one job.
func (l *load) create(ctx context.Context, rng *rand.Rand, store string, list []credenza.Item, spec credenza.JobSpec) (job credenza.Job, ok bool) {
	ids := map[string]bool{}
	upload := func(ctx context.Context, c *credenza.Client) (credenza.Job, error) {
		return c.CreateJob(ctx, slices.Values(list), spec)
	}
	if rng.IntN(3) == 0 {
		upload = func(ctx context.Context, c *credenza.Client) (credenza.Job, error) {
			return c.SubmitJob(ctx, list, spec)
		}
	}
	again := rng.IntN(4) == 0 // also after a success, as a caller whose answer was lost
	ok = l.persist(ctx, rng, store, "CreateJob", func(ctx context.Context, c *credenza.Client) (err error) {
		if job, err = upload(ctx, c); err == nil {
			ids[job.ID] = true
		}
		if err == nil && again {
			again = false
			return errAgain
		}
		return err
	})
	if len(ids) > 1 {
		l.book.violate("the request id %s has %d jobs", spec.RequestID, len(ids))
	}
	return job, ok
}

var errAgain = errors.New("ask again")

// persist repeats a call until it succeeds, until its error is one that no fault explains, or
// until ctx ends.
func (l *load) persist(ctx context.Context, rng *rand.Rand, store, what string, f func(context.Context, *credenza.Client) error) bool {
	for {
		r, c := l.any(rng, store)
		once, cancel := context.WithTimeout(ctx, callTime)
		end := l.book.begin(what+" on "+r.name, time.Now().Add(callTime))
		err := f(once, c)
		end()
		cancel()
		switch {
		case err == nil:
			return true
		case errors.Is(err, errAgain):
			continue
		}
		before := l.book.violations()
		l.judge(what, r, err)
		if l.book.violations() > before && !transient(err) {
			return false
		}
		if pause(ctx, time.Duration(200+rng.IntN(800))*time.Millisecond) != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				l.book.violate("%s was not possible within %v: %v", what, jobTime, err)
			}
			return false
		}
	}
}

// transient reports whether a repetition may help.
func transient(err error) bool {
	e := asError(err)
	return e != nil && (passing[e.Code] || e.Code == credenza.CodeUnauthenticated ||
		e.Code == credenza.CodeInternal || e.Code == credenza.CodeUnknown)
}

// followed is a job that is followed to its end.
type followed struct {
	*load
	store   string
	id      string
	tally   *tally
	indexes []int64

	token     string
	ended     bool
	cancelled bool
	summary   credenza.Summary
	retryable []int64
}

// toEnd watches the job with several watches, one after the other, while it is paused, resumed
// or cancelled, and checks what came.
func (f *followed) toEnd(ctx context.Context, rng *rand.Rand) {
	var meddling sync.WaitGroup
	other := rand.New(rand.NewPCG(rng.Uint64(), 0))
	ctx, cancel := context.WithCancel(ctx)
	var meddled atomic.Bool
	meddling.Go(func() {
		f.meddle(ctx, other)
		meddled.Store(true)
	})
	defer meddling.Wait()
	defer cancel()
	for !f.ended {
		if ctx.Err() != nil {
			f.book.violate("%s has not ended within %v", f.tally.what, jobTime)
			return
		}
		if meddled.Load() {
			f.resume(ctx, rng)
		}
		if !f.watch(ctx, rng) {
			return
		}
	}
	cancel()
	meddling.Wait()
	f.check(rng)
}

// resume asks once: a call that its caller gave up may have paused the job after it was resumed.
func (f *followed) resume(ctx context.Context, rng *rand.Rand) {
	_, c := f.any(rng, f.store)
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	_, _ = c.ResumeJob(ctx, f.id) // the next watch asks again
}

// watch follows the job on one replica, for a time.
func (f *followed) watch(ctx context.Context, rng *rand.Rand) (ok bool) {
	r, c := f.any(rng, f.store)
	patience := time.Duration(5+rng.IntN(25)) * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer f.book.begin("WatchJob on "+r.name, time.Now().Add(patience))()
	w := c.WatchJob(ctx, f.id, f.token)
	for batch, err := range w.Batches() {
		if err != nil {
			before := f.book.violations()
			f.judge("WatchJob", r, err)
			f.breathe(rng)
			return f.book.violations() == before || transient(err)
		}
		f.token = w.Token()
		f.tally.addAll(f.book, batch.Results)
		for _, result := range batch.Results {
			if result.Err != nil && result.Err.Retryable {
				f.retryable = append(f.retryable, result.Index)
			}
		}
	}
	f.ended, f.summary = true, w.Summary()
	return true
}

// meddle pauses and resumes the job, or cancels it, as its caller or an operator would.
func (f *followed) meddle(ctx context.Context, rng *rand.Rand) {
	if pause(ctx, time.Duration(rng.IntN(3000))*time.Millisecond) != nil || rng.IntN(2) == 0 {
		return
	}
	if rng.IntN(4) == 0 {
		f.cancelled = f.changeUnlessEnded(ctx, rng, "CancelJob", (*credenza.Client).CancelJob)
		return
	}
	if !f.changeUnlessEnded(ctx, rng, "PauseJob", func(c *credenza.Client, ctx context.Context, id string) (credenza.Job, error) {
		return c.PauseJob(ctx, id, credenza.PauseOptions{Reason: "chaos"})
	}) {
		return
	}
	_ = pause(ctx, time.Duration(rng.IntN(3000))*time.Millisecond)
	f.changeUnlessEnded(ctx, rng, "ResumeJob", (*credenza.Client).ResumeJob)
}

// changeUnlessEnded is persist for a call that fails once the job has ended, or that is of no
// interest once the job is followed no longer.
func (f *followed) changeUnlessEnded(
	ctx context.Context, rng *rand.Rand, what string, change func(*credenza.Client, context.Context, string) (credenza.Job, error),
) (done bool) {
	f.persist(ctx, rng, f.store, what, func(once context.Context, c *credenza.Client) error {
		_, err := change(c, once, f.id)
		done = err == nil
		if e := asError(err); ctx.Err() != nil || e != nil && e.Code == credenza.CodeFailedPrecondition {
			err = nil // of no interest
		}
		return err
	})
	return done
}

// check compares what was watched with the job's state, its summary and its list of results.
func (f *followed) check(rng *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), jobTime)
	defer cancel()
	var job credenza.Job
	if !f.persist(ctx, rng, f.store, "GetJob", func(ctx context.Context, c *credenza.Client) (err error) {
		job, err = c.Job(ctx, f.id)
		return err
	}) {
		return
	}
	switch job.State {
	case credenza.JobSucceeded:
		f.cancelled = false // the call came after the end
		f.tally.complete(f.book, f.indexes)
	case credenza.JobCancelled:
		if !f.cancelled {
			f.cancelled = true
			f.book.count("job", "cancelled by a call whose answer was lost")
		}
		f.book.cancelled.Add(1)
		f.book.returned.Add(int64(len(f.indexes) - len(f.tally.seen)))
	default:
		f.book.violate("%s is %s after its watch has ended: %s", f.tally.what, job.State, job.Message)
	}
	if n := f.summary.Succeeded + f.summary.Failed; n != int64(len(f.tally.seen)) {
		f.book.violate("%s: the summary counts %d results, %d were watched", f.tally.what, n, len(f.tally.seen))
	}
	f.compareList(ctx, rng)
}

// compareList checks that the listed results are those that were watched.
func (f *followed) compareList(ctx context.Context, rng *rand.Rand) {
	listed := map[int64]int{}
	if !f.persist(ctx, rng, f.store, "ListJobResults", func(ctx context.Context, c *credenza.Client) error {
		clear(listed)
		for result, err := range c.ListJobResults(ctx, f.id, credenza.ResultQuery{PageSize: 100}) {
			if err != nil {
				return err
			}
			listed[result.Index]++
		}
		return nil
	}) {
		return
	}
	for index, n := range listed {
		if n != 1 || f.tally.seen[index] != 1 {
			f.book.violate("%s: item %d is listed %d times and was watched %d times", f.tally.what, index, n, f.tally.seen[index])
		}
	}
	if len(listed) != len(f.tally.seen) {
		f.book.violate("%s: %d results are listed, %d were watched", f.tally.what, len(listed), len(f.tally.seen))
	}
}

// retry retries the failed items of a job, and follows the new job.
func (l *load) retry(ctx context.Context, rng *rand.Rand, f *followed) {
	var job credenza.Job
	if !l.persist(ctx, rng, f.store, "RetryJob", func(ctx context.Context, c *credenza.Client) (err error) {
		job, err = c.Retry(ctx, f.id, credenza.RetryOptions{RequestID: "retry-" + f.id})
		return err
	}) {
		return
	}
	l.book.retries.Add(1)
	l.book.accepted.Add(int64(len(f.retryable)))
	next := &followed{load: l, store: f.store, id: job.ID, tally: newTally("job " + job.ID + " of " + f.id), indexes: f.retryable}
	next.toEnd(ctx, rng)
	next.remove(ctx, rng)
}

// remove deletes the job, after which it must be gone.
func (f *followed) remove(ctx context.Context, rng *rand.Rand) {
	if !f.ended {
		return // what was reported can be looked at
	}
	gone := func(err error) bool {
		e := asError(err)
		return e != nil && e.Code == credenza.CodeNotFound
	}
	f.persist(ctx, rng, f.store, "DeleteJob", func(ctx context.Context, c *credenza.Client) error {
		err := c.DeleteJob(ctx, f.id)
		if gone(err) { // the answer to an earlier call was lost
			return nil
		}
		return err
	})
	f.persist(ctx, rng, f.store, "GetJob of a deleted job", func(ctx context.Context, c *credenza.Client) error {
		_, err := c.Job(ctx, f.id)
		switch {
		case err == nil:
			f.book.violate("%s is there after it was deleted", f.tally.what)
			return nil
		case gone(err):
			return nil
		}
		return err
	})
}
