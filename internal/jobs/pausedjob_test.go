package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/testkit"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// formOf returns the form in which a job's record is stored, and the version that it needs.
func formOf(t *testing.T, b *broker.Broker, id string) (number int, needs string) {
	t.Helper()
	bucket, err := b.JetStream().KeyValue(t.Context(), "credenza_jobs")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := bucket.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var form struct {
		Number int    `cbor:"18,keyasint"`
		Needs  string `cbor:"19,keyasint"`
	}
	if err := codec.Decode(stored.Value(), &form); err != nil {
		t.Fatal(err)
	}
	return form.Number, form.Needs
}

// TestPause_KeepsEarlierVersionsAway looks at the form of the records.
func TestPause_KeepsEarlierVersionsAway(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(4))
	defer r.Close()
	c := rawFront(t, r)
	for name, leave := range map[string]func(id string) error{
		"resumed": func(id string) error {
			_, err := c.ResumeJob(t.Context(), &credenzav1.ResumeJobRequest{JobId: id})
			return err
		},
		"cancelled": func(id string) error {
			_, err := c.CancelJob(t.Context(), &credenzav1.CancelJobRequest{JobId: id})
			return err
		},
		"deleted": func(id string) error {
			_, err := c.DeleteJob(t.Context(), &credenzav1.DeleteJobRequest{JobId: id})
			return err
		},
	} {
		job := r.create(t, textual, goods(3, waits))
		pauseJob(t, c, job.ID, "")
		if form, needs := formOf(t, b, job.ID); form != 2 || needs == "" {
			t.Errorf("a paused job is stored in form %d, which needs %q", form, needs)
		}
		if err := leave(job.ID); err != nil {
			t.Fatal(name, err)
		}
		if form, needs := formOf(t, b, job.ID); form != 1 || needs != "" {
			t.Errorf("a job that is %s is stored in form %d, which needs %q", name, form, needs)
		}
	}
}

// TestPause_CountsForCaps asks which jobs are counted.
func TestPause_CountsForCaps(t *testing.T) {
	r := single(t)
	job := r.create(t, textual, goods(3, waits))
	pauseJob(t, rawFront(t, r), job.ID, "")
	if kept := r.Kept(""); len(kept) != 1 || !kept[0].Active {
		t.Errorf("%+v", kept)
	}
	if n := r.States()[catalog.JobPaused]; n != 1 {
		t.Errorf("%d jobs are counted as paused", n)
	}
}

// TestPause_WatchGoesOnAfterTheResume leaves a watch of a paused job and takes it up.
func TestPause_WatchGoesOnAfterTheResume(t *testing.T) {
	for _, delivery := range []catalog.Delivery{catalog.AsCompleted, catalog.InOrder} {
		r := single(t)
		spec := textual
		spec.Options.Delivery = delivery
		items := goods(300, func(i int, it *catalog.Item) {
			if i >= 150 {
				it.Description = "wait"
			}
		})
		job := r.create(t, spec, items)
		c := rawFront(t, r)
		before := r.watch(t, job.ID, nil, 3)
		testkit.Await(t, "calls are in flight", func() bool { return r.model.total() > 150 })
		pauseJob(t, c, job.ID, "")
		ctx, leave := context.WithCancelCause(t.Context())
		err := r.Watch(ctx, allOwners, job.ID, before.token, func(e catalog.JobEvent) error {
			for _, o := range e.Batch.Outcomes {
				before.outcomes[o.Index] = o
				before.order = append(before.order, o.Index)
			}
			if before.token = e.Token; slices.Max(before.order) >= 99 { // it is open, and has no end
				leave(errEnough)
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		close(r.model.let)
		resumeJob(t, c, job.ID)
		r.watch(t, job.ID, before, 0).complete(t, items)
	}
}

// TestPause_WhileAllItemsWait pauses a job that holds as many items as it may, of which
// none has a turn at the model, as in an outage.
func TestPause_WhileAllItemsWait(t *testing.T) {
	const slots = 64
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(slots))
	defer r.Close()
	for range slots {
		r.model.slots <- struct{}{}
	}
	c := rawFront(t, r)
	items := goods(300, nil)
	job := r.create(t, textual, items)
	testkit.Await(t, "all wait for the model", func() bool { return r.model.questions() == slots })
	pauseJob(t, c, job.ID, "the model is away")
	for range slots {
		<-r.model.slots
	}
	resumeJob(t, c, job.ID)
	r.watch(t, job.ID, nil, 0).complete(t, items)
	if r.model.askedTwice() > 0 || r.model.total() != len(items) {
		t.Errorf("%d calls for %d items", r.model.total(), len(items))
	}
}

// TestPause_RacesWithCancel pauses, resumes and cancels jobs at the same time, on two
// replicas. Each job ends as cancelled, and has each result at most once.
func TestPause_RacesWithCancel(t *testing.T) {
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
	for n := range 5 {
		job := replicas[n%2].create(t, textual, goods(400, func(i int, it *catalog.Item) {
			it.ID = fmt.Sprint("job-", n, "-", i)
			if i >= 100 {
				it.Description = "wait"
			}
		}))
		var working sync.WaitGroup
		ended := func(err error) bool { return status.Code(err) == codes.FailedPrecondition }
		for side := range 2 {
			working.Go(func() {
				for i := side; ; i++ {
					_, err := fronts[i%2].PauseJob(t.Context(), &credenzav1.PauseJobRequest{JobId: job.ID})
					if err == nil {
						_, err = fronts[side].ResumeJob(t.Context(), &credenzav1.ResumeJobRequest{JobId: job.ID})
					}
					if ended(err) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		working.Go(func() {
			if _, err := fronts[n%2].CancelJob(t.Context(), &credenzav1.CancelJobRequest{JobId: job.ID}); err != nil {
				t.Error(err)
			}
		})
		working.Wait()
		got := getJob(t, fronts[1], job.ID)
		listed, _ := listPages(t, fronts[0], &credenzav1.ListJobResultsRequest{JobId: job.ID})
		if got.GetState() != cancelled || got.GetMessage() != "" || got.GetProgress().GetDone() != int64(len(listed)) {
			t.Errorf("%v, %d results are listed", got, len(listed))
		}
	}
}
