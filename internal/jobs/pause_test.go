package jobs_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/testkit"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

const (
	queued    = credenzav1.JobState_JOB_STATE_QUEUED
	running   = credenzav1.JobState_JOB_STATE_RUNNING
	succeeded = credenzav1.JobState_JOB_STATE_SUCCEEDED
	cancelled = credenzav1.JobState_JOB_STATE_CANCELLED
	paused    = credenzav1.JobState_JOB_STATE_PAUSED
)

func pauseJob(t *testing.T, c credenzav1.JobServiceClient, id, reason string) *credenzav1.Job {
	t.Helper()
	res, err := c.PauseJob(t.Context(), &credenzav1.PauseJobRequest{JobId: id, Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetJob()
}

func resumeJob(t *testing.T, c credenzav1.JobServiceClient, id string) *credenzav1.Job {
	t.Helper()
	res, err := c.ResumeJob(t.Context(), &credenzav1.ResumeJobRequest{JobId: id})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetJob()
}

func getJob(t *testing.T, c credenzav1.JobServiceClient, id string) *credenzav1.Job {
	t.Helper()
	res, err := c.GetJob(t.Context(), &credenzav1.GetJobRequest{JobId: id})
	if err != nil {
		t.Fatal(err)
	}
	return res.GetJob()
}

func waits(_ int, it *catalog.Item) { it.Description = "wait" }

// TestPause_CallsInFlightEndAndNoneBegins pauses a job through one of two replicas that
// work on it, each with four calls in flight and more items that wait.
func TestPause_CallsInFlightEndAndNoneBegins(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	var replicas []*replica
	var fronts []credenzav1.JobServiceClient
	for range 2 {
		b := connect(t, s.ClientURL())
		defer b.Close()
		r := start(t, b, newModel(4))
		defer r.Close()
		replicas, fronts = append(replicas, r), append(fronts, rawFront(t, r))
	}
	asked := func() int { return replicas[0].model.total() + replicas[1].model.total() }
	items := goods(600, waits)
	job := replicas[0].create(t, textual, items)
	testkit.Await(t, "both replicas have calls in flight", func() bool { return asked() == 8 })
	watched := make(chan *seen, 1)
	go func() { watched <- replicas[1].watch(t, job.ID, nil, 0) }()

	if got := pauseJob(t, fronts[1], job.ID, "the budget is used up"); got.GetState() != paused || got.GetMessage() != "the budget is used up" {
		t.Errorf("%v", got)
	}
	testkit.Await(t, "the other replica has heard of it", func() bool {
		res, err := fronts[0].ListJobs(t.Context(), &credenzav1.ListJobsRequest{State: paused})
		return err == nil && len(res.GetJobs()) == 1 && res.GetJobs()[0].GetMessage() == "the budget is used up"
	})
	for _, r := range replicas {
		close(r.model.let)
	}
	testkit.Await(t, "the results of the calls in flight are stored", func() bool { return getJob(t, fronts[0], job.ID).GetProgress().GetDone() == 8 })
	for _, r := range replicas { // they do other work meanwhile
		other := r.create(t, textual, goods(300, nil))
		r.watch(t, other.ID, nil, 0).complete(t, goods(300, nil))
	}
	if got := getJob(t, fronts[0], job.ID); got.GetProgress().GetDone() != 8 || got.GetState() != paused || asked() != 8+2*300 {
		t.Errorf("%v after %d calls", got, asked())
	}

	if got := resumeJob(t, fronts[0], job.ID); got.GetState() != queued || got.GetMessage() != "" || got.GetStartTime() == nil {
		t.Errorf("%v", got)
	}
	(<-watched).complete(t, items)
	if asked() != 600+2*300 {
		t.Errorf("%d calls for 1,200 items", asked())
	}
	if got := getJob(t, fronts[1], job.ID); got.GetState() != succeeded || got.GetMessage() != "" {
		t.Errorf("%v", got)
	}
}

func TestPause_OutlastsARestart(t *testing.T) {
	dir := t.TempDir()
	b := openBroker(t, dir)
	r := start(t, b, newModel(4))
	items := goods(100, func(i int, it *catalog.Item) {
		if i%2 == 1 {
			it.Description = "wait"
		}
	})
	job := r.create(t, textual, items)
	testkit.Await(t, "calls are in flight", func() bool { return r.model.total() >= 4 })
	c := rawFront(t, r)
	pauseJob(t, c, job.ID, "")
	began := getJob(t, c, job.ID).GetStartTime().AsTime()
	r.Close()
	b.Close()

	b = openBroker(t, dir)
	defer b.Close()
	r = start(t, b, newModel(4))
	defer r.Close()
	close(r.model.let)
	other := r.create(t, textual, goods(100, nil))
	r.watch(t, other.ID, nil, 0).complete(t, goods(100, nil))
	c = rawFront(t, r)
	got := getJob(t, c, job.ID)
	if got.GetState() != paused || got.GetMessage() != "the job is paused: resume it to go on" || r.model.total() != 100 {
		t.Errorf("%v after %d calls", got, r.model.total())
	}
	resumeJob(t, c, job.ID)
	r.watch(t, job.ID, nil, 0).complete(t, items)
	if at := getJob(t, c, job.ID).GetStartTime().AsTime(); !at.Equal(began) {
		t.Errorf("the job was started at %v, and later at %v", began, at)
	}
}

func TestPause_OfEachState(t *testing.T) {
	r := single(t)
	c := rawFront(t, r)
	ctx := t.Context()
	ended := r.create(t, textual, goods(1, nil))
	r.watch(t, ended.ID, nil, 0)
	_, pauseErr := c.PauseJob(ctx, &credenzav1.PauseJobRequest{JobId: ended.ID})
	_, resumeErr := c.ResumeJob(ctx, &credenzav1.ResumeJobRequest{JobId: ended.ID})
	for _, err := range []error{pauseErr, resumeErr} {
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "the job has ended") {
			t.Errorf("a job that has ended: %v", err)
		}
	}
	_, pauseErr = c.PauseJob(ctx, &credenzav1.PauseJobRequest{JobId: "none"})
	_, resumeErr = c.ResumeJob(ctx, &credenzav1.ResumeJobRequest{JobId: "none"})
	for _, err := range []error{pauseErr, resumeErr} {
		if status.Code(err) != codes.NotFound {
			t.Errorf("no job: %v", err)
		}
	}

	job := r.create(t, textual, goods(3, waits))
	testkit.Await(t, "the job runs", func() bool { return getJob(t, c, job.ID).GetState() == running })
	if got := resumeJob(t, c, job.ID); got.GetState() != running {
		t.Errorf("a job that runs, resumed: %v", got)
	}
	for _, step := range []struct{ reason, want string }{
		{"", "the job is paused: resume it to go on"}, {"one", "one"}, {"", "one"}, {"two", "two"},
	} {
		if got := pauseJob(t, c, job.ID, step.reason); got.GetState() != paused || got.GetMessage() != step.want {
			t.Errorf("paused for %q: %v", step.reason, got)
		}
	}
	if _, err := c.RetryJob(ctx, &credenzav1.RetryJobRequest{JobId: job.ID}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("retried: %v", err)
	}
	res, err := c.CancelJob(ctx, &credenzav1.CancelJobRequest{JobId: job.ID})
	if err != nil || res.GetJob().GetState() != cancelled || res.GetJob().GetMessage() != "" {
		t.Errorf("cancelled: %v, %v", res, err)
	}
	gone := r.create(t, textual, goods(3, waits))
	pauseJob(t, c, gone.ID, "")
	if _, err := c.DeleteJob(ctx, &credenzav1.DeleteJobRequest{JobId: gone.ID}); err != nil {
		t.Errorf("deleted: %v", err)
	}
	if _, err := c.GetJob(ctx, &credenzav1.GetJobRequest{JobId: gone.ID}); status.Code(err) != codes.NotFound {
		t.Errorf("after the deletion: %v", err)
	}
}

// TestPause_OfAQueuedJob has 16 jobs before it, which hold all places.
func TestPause_OfAQueuedJob(t *testing.T) {
	r := single(t)
	c := rawFront(t, r)
	var before []catalog.Job
	for range 16 {
		before = append(before, r.create(t, textual, goods(2, waits)))
	}
	testkit.Await(t, "they hold all places", func() bool { return r.model.total() == 32 })
	last := r.create(t, textual, goods(2, nil))
	if got := pauseJob(t, c, last.ID, ""); got.GetState() != paused || got.GetStartTime() != nil {
		t.Errorf("%v", got)
	}
	close(r.model.let)
	for _, job := range before {
		r.watch(t, job.ID, nil, 0)
	}
	if got := getJob(t, c, last.ID); got.GetState() != paused || got.GetProgress().GetDone() != 0 {
		t.Errorf("%v", got)
	}
	if got := resumeJob(t, c, last.ID); got.GetState() == paused {
		t.Errorf("%v", got)
	}
	r.watch(t, last.ID, nil, 0).complete(t, goods(2, nil))
}

// TestPause_GivesItsPlaceUp pauses as many jobs as there are places, of which all items
// but one wait for the model.
func TestPause_GivesItsPlaceUp(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(1))
	defer r.Close()
	c := rawFront(t, r)
	var jobs []catalog.Job
	for range 16 {
		jobs = append(jobs, r.create(t, textual, goods(2, waits)))
	}
	testkit.Await(t, "one has the model", func() bool { return r.model.total() == 1 })
	for _, job := range jobs {
		pauseJob(t, c, job.ID, "")
	}
	close(r.model.let)
	other := r.create(t, textual, goods(5, nil))
	r.watch(t, other.ID, nil, 0).complete(t, goods(5, nil))
	if n := r.model.total(); n != 6 {
		t.Errorf("the model was asked %d times", n)
	}
	for _, job := range jobs {
		resumeJob(t, c, job.ID)
	}
	for _, job := range jobs {
		r.watch(t, job.ID, nil, 0).complete(t, goods(2, waits))
	}
}

// TestPause_AtTheEndOfAJob pauses and resumes jobs again and again while they end.
func TestPause_AtTheEndOfAJob(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	var replicas []*replica
	var fronts []credenzav1.JobServiceClient
	for range 2 {
		b := connect(t, s.ClientURL())
		defer b.Close()
		r := start(t, b, newModel(16))
		defer r.Close()
		replicas, fronts = append(replicas, r), append(fronts, rawFront(t, r))
	}
	var working sync.WaitGroup
	for n := range 8 {
		working.Go(func() {
			items := goods(20+40*n, func(i int, it *catalog.Item) { it.ID = fmt.Sprint("job-", n, "-", i) })
			job, err := replicas[n%2].Create(t.Context(), textual, from(items))
			if err != nil {
				t.Error(err)
				return
			}
			for i := 0; ; i++ {
				_, err := fronts[i%2].PauseJob(t.Context(), &credenzav1.PauseJobRequest{JobId: job.ID})
				if err == nil {
					_, err = fronts[(i+1)%2].ResumeJob(t.Context(), &credenzav1.ResumeJobRequest{JobId: job.ID})
				}
				if status.Code(err) == codes.FailedPrecondition {
					break
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
			got, err := replicas[0].Get(t.Context(), allOwners, job.ID)
			if err != nil || got.State != catalog.JobSucceeded || got.Progress.Done != int64(len(items)) || got.Message != "" {
				t.Errorf("%+v, %v", got, err)
			}
			replicas[1].watch(t, job.ID, nil, 0).complete(t, items)
		})
	}
	working.Wait()
	for _, r := range replicas {
		if twice := r.model.askedTwice(); twice > 0 {
			t.Errorf("%d items were asked about twice", twice)
		}
	}
}
