// Package rpctest has a stand-in for the engine of jobs, for tests of the ways in:
// the gRPC edge, the client and the command line.
//
// It keeps jobs in memory and classifies nothing by itself: Work says how many
// items get their result now, so that a test decides what is stored at any moment.
// It outlives the servers that it is given to, as the storage of jobs does.
package rpctest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Flawed begins the names of items that fail, with a reason that is worth a retry.
const Flawed = "flawed"

// batchSize is that of a job whose caller sets none.
const batchSize = 10

// Jobs is an rpc.Jobs in memory. Each item is a sofa, but for flawed ones. Times
// are an hour of 2030, a second later with each event. It is safe for concurrent
// use.
type Jobs struct {
	// Busy has each job classified as soon as it is there.
	Busy bool

	mu      sync.Mutex
	jobs    []*job // the oldest first
	made    int
	away    int // so many watches are still to find no storage
	seconds int
	changed chan struct{}            // closed with the next change
	waiting map[string]chan struct{} // by job; closed once a watcher has seen all there is
}

// NewJobs returns an engine without jobs.
func NewJobs() *Jobs {
	return &Jobs{changed: make(chan struct{}), waiting: map[string]chan struct{}{}}
}

type job struct {
	catalog.Job
	requestID string
	items     []entry
	events    []catalog.JobEvent
	summary   catalog.Summary
}

// entry is an item at its place in the catalogue that was sent first.
type entry struct {
	index int64
	item  *catalog.Item
}

// Create takes a job in.
func (j *Jobs) Create(ctx context.Context, spec catalog.JobSpec, next classify.Source) (catalog.Job, error) {
	if old, ok := j.requested(spec.Owner.Name, spec.RequestID); ok {
		return old, nil
	}
	var items []entry
	for {
		item, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return j.add(spec, "", items), nil
		}
		if err != nil {
			return catalog.Job{}, err
		}
		items = append(items, entry{int64(len(items)), item})
	}
}

func (j *Jobs) requested(owner, id string) (catalog.Job, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, old := range j.jobs {
		if id != "" && old.requestID == id && old.Owner == owner {
			return old.snapshot(), true
		}
	}
	return catalog.Job{}, false
}

func (j *Jobs) add(spec catalog.JobSpec, retryOf string, items []entry) catalog.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.made++
	made := &job{
		Job: catalog.Job{
			ID: fmt.Sprintf("job-%d", j.made), Name: spec.Name, Owner: spec.Owner.Name, State: catalog.JobQueued,
			Options: spec.Options, Progress: catalog.Progress{Total: int64(len(items))}, Created: j.tick(), RetryOf: retryOf,
		},
		requestID: spec.RequestID, items: items,
	}
	j.jobs = append(j.jobs, made)
	created := made.snapshot()
	if j.Busy {
		j.work(made, len(items))
	}
	return created
}

// tick returns the time of the next event.
func (j *Jobs) tick() time.Time {
	j.seconds++
	return time.Date(2030, 1, 2, 3, 0, j.seconds, 0, time.UTC)
}

// snapshot returns what may leave the lock.
func (b *job) snapshot() catalog.Job {
	s := b.Job
	s.Failures = maps.Clone(b.summary.FailuresByReason)
	return s
}

// Work gives the next n items of a job their results, and ends it after the last.
func (j *Jobs) Work(id string, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range j.jobs {
		if b.ID == id && !b.State.Ended() && b.State != catalog.JobPaused {
			j.work(b, n)
		}
	}
}

func (j *Jobs) work(b *job, n int) {
	if b.State == catalog.JobQueued {
		b.State, b.Started = catalog.JobRunning, j.tick()
	}
	size := cmp.Or(b.Options.BatchSize, batchSize)
	for todo := b.items[b.Progress.Done:][:min(int64(n), b.Progress.Total-b.Progress.Done)]; len(todo) > 0; {
		part := todo[:min(size, len(todo))]
		todo = todo[len(part):]
		j.classify(b, part)
	}
	if b.Progress.Done == b.Progress.Total {
		j.end(b, catalog.JobSucceeded)
	}
	j.announce()
}

// classify adds one batch.
func (j *Jobs) classify(b *job, part []entry) {
	batch := catalog.Batch{ID: int64(len(b.events)) + 1, At: j.tick()}
	for _, e := range part {
		o := outcomeOf(e)
		b.summary.Add(&o)
		batch.Outcomes = append(batch.Outcomes, o)
	}
	b.Progress.Done, b.Progress.Failed = b.summary.Total, b.summary.Failed
	b.Usage = catalog.Usage{Prompt: 200 * b.Progress.Done, Completion: 30 * b.Progress.Done}
	batch.Progress = b.Progress
	b.events = append(b.events, catalog.JobEvent{Batch: &batch, Token: tokenAfter(len(b.events))})
}

func outcomeOf(e entry) catalog.Outcome {
	o := catalog.Outcome{Index: e.index, ID: e.item.ID, Name: e.item.Name}
	if strings.HasPrefix(e.item.Name, Flawed) {
		o.Err = fault.New(fault.UpstreamUnavailable, "the model's server is away: try again later")
		return o
	}
	o.Classification = catalog.Classification{Category: "SOFA", Confidence: 1}
	return o
}

func (j *Jobs) end(b *job, state catalog.JobState) {
	b.State, b.Ended = state, j.tick()
	summary := b.summary
	summary.Elapsed = b.Ended.Sub(b.Created)
	b.events = append(b.events, catalog.JobEvent{Summary: &summary, Token: tokenAfter(len(b.events))})
}

func (j *Jobs) announce() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// find returns a job that the owner may see.
func (j *Jobs) find(who catalog.Owner, id string) (*job, error) {
	for _, b := range j.jobs {
		if b.ID == id && who.Sees(b.Owner) {
			return b, nil
		}
	}
	return nil, fault.New(fault.NotFound, "there is no job %q: list the jobs to see which there are", id)
}

// with calls f with a job that the owner may see, and returns it as it is then.
func (j *Jobs) with(who catalog.Owner, id string, f func(*job) error) (catalog.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := j.find(who, id)
	if err == nil {
		err = f(b)
	}
	if err != nil {
		return catalog.Job{}, err
	}
	return b.snapshot(), nil
}

// Get shows a job.
func (j *Jobs) Get(_ context.Context, who catalog.Owner, id string) (catalog.Job, error) {
	return j.with(who, id, func(*job) error { return nil })
}

// List lists jobs, the newest first. A token is the last job of the page before.
func (j *Jobs) List(_ context.Context, q catalog.JobQuery) ([]catalog.Job, string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var page []catalog.Job
	passed := q.Token == ""
	for _, b := range slices.Backward(j.jobs) {
		fits := passed && q.Owner.Sees(b.Owner) && (q.State == 0 || q.State == b.State)
		passed = passed || b.ID == q.Token
		if !fits {
			continue
		}
		if len(page) == q.Size {
			return page, page[q.Size-1].ID, nil
		}
		page = append(page, b.snapshot())
	}
	if !passed {
		return nil, "", fault.Invalid("page_token", "it is not of this service: send next_page_token as it came")
	}
	return page, "", nil
}

// Cancel ends a job.
func (j *Jobs) Cancel(_ context.Context, who catalog.Owner, id string) (catalog.Job, error) {
	return j.with(who, id, func(b *job) error {
		if !b.State.Ended() {
			j.end(b, catalog.JobCancelled)
			j.announce()
		}
		return nil
	})
}

// Retry makes a job of what failed.
func (j *Jobs) Retry(_ context.Context, who catalog.Owner, id, requestID string) (catalog.Job, error) {
	if old, ok := j.requested(who.Name, requestID); ok {
		return old, nil
	}
	spec, items, err := j.failed(who, id)
	if err != nil {
		return catalog.Job{}, err
	}
	spec.RequestID = requestID
	return j.add(spec, id, items), nil
}

func (j *Jobs) failed(who catalog.Owner, id string) (catalog.JobSpec, []entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := j.find(who, id)
	if err != nil {
		return catalog.JobSpec{}, nil, err
	}
	if !b.State.Ended() {
		return catalog.JobSpec{}, nil, fault.New(fault.Conflict, "the job %q has not ended: wait for its end, or cancel it", id)
	}
	var items []entry
	for _, e := range b.items[:b.Progress.Done] {
		if o := outcomeOf(e); o.Err != nil {
			items = append(items, e)
		}
	}
	if len(items) == 0 {
		return catalog.JobSpec{}, nil, fault.New(fault.Conflict, "no item of the job %q is worth a retry", id)
	}
	return catalog.JobSpec{Options: b.Options, Name: b.Name, Owner: catalog.Owner{Name: b.Owner}}, items, nil
}

// Delete deletes a job. Its watches fail.
func (j *Jobs) Delete(_ context.Context, who catalog.Owner, id string) error {
	_, err := j.with(who, id, func(b *job) error {
		j.jobs = slices.DeleteFunc(j.jobs, func(other *job) bool { return other == b })
		j.announce()
		return nil
	})
	return err
}

// Away has the next n watches find the storage away.
func (j *Jobs) Away(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.away = n
}

// Watch hands on events, and waits for more until the summary.
func (j *Jobs) Watch(ctx context.Context, who catalog.Owner, id, token string, send func(catalog.JobEvent) error) error {
	for {
		events, changed, err := j.after(who, id, token)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := send(e); err != nil || e.Summary != nil {
				return err
			}
			token = e.Token
		}
		if len(events) > 0 {
			continue
		}
		j.arrived(id)
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Watched waits until a watcher of a job was sent all there was to be sent.
func (j *Jobs) Watched(ctx context.Context, id string) {
	j.mu.Lock()
	c := j.meeting(id)
	j.mu.Unlock()
	select {
	case <-c:
	case <-ctx.Done():
	}
}

func (j *Jobs) arrived(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.meeting(id):
	default:
		close(j.meeting(id))
	}
}

func (j *Jobs) meeting(id string) chan struct{} {
	if j.waiting[id] == nil {
		j.waiting[id] = make(chan struct{})
	}
	return j.waiting[id]
}

func (j *Jobs) after(who catalog.Owner, id, token string) ([]catalog.JobEvent, <-chan struct{}, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.away > 0 {
		j.away--
		return nil, nil, fault.New(fault.StorageAway, "the storage of jobs is away: try again later")
	}
	b, err := j.find(who, id)
	if err != nil {
		return nil, nil, err
	}
	seen, err := placeOf(token)
	if err != nil || seen > len(b.events) {
		return nil, nil, fault.Invalid("resume_token", "it is not of this job: send one as it came, or none to begin again")
	}
	if seen == len(b.events) && b.State.Ended() { // the summary was the last that came
		seen--
	}
	return slices.Clone(b.events[seen:]), j.changed, nil
}

// tokenAfter returns the token of the event at a place.
func tokenAfter(place int) string { return fmt.Sprintf("seen-%d", place+1) }

func placeOf(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	place, ok := strings.CutPrefix(token, "seen-")
	if !ok {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(place, 10, 31)
	return int(n), err
}
