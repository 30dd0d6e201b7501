package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestRun_EachItemHasItsResult(t *testing.T) {
	for _, n := range []int{1, 99, 100, 101, 1234} {
		for _, delivery := range []catalog.Delivery{catalog.AsCompleted, catalog.InOrder} {
			t.Run(fmt.Sprint(n, " items, delivery ", delivery), func(t *testing.T) {
				r := single(t)
				items := goods(n, func(i int, it *catalog.Item) {
					if i%10 == 3 {
						it.Description = "refuse"
					}
				})
				spec := textual
				spec.Options.Delivery = delivery
				job := r.create(t, spec, items)
				if job.State != catalog.JobQueued || job.Progress.Total != int64(n) {
					t.Errorf("created as %+v", job)
				}
				s := r.watch(t, job.ID, nil, 0)
				s.complete(t, items)
				if delivery == catalog.InOrder && !slices.IsSorted(s.order) {
					t.Error("results are out of order")
				}
				failed := int64(0)
				for i := range items {
					if i%10 == 3 {
						failed++
					}
				}
				got, err := r.Get(t.Context(), allOwners, job.ID)
				if err != nil || got.State != catalog.JobSucceeded || got.Progress.Done != int64(n) || got.Progress.Failed != failed ||
					got.Failures["REFUSED"] != failed || got.Started.IsZero() || got.Ended.IsZero() {
					t.Errorf("%+v, %v", got, err)
				}
				if s.summary.Failed != failed || s.summary.UpstreamCalls != int64(n) || s.summary.PeakConcurrency < 1 {
					t.Errorf("%+v", s.summary)
				}
				if twice := r.model.askedTwice(); twice > 0 {
					t.Errorf("%d items were asked about twice", twice)
				}
			})
		}
	}
}

// TestWatch_ContinuesAfterTheToken breaks a watch off after each batch.
func TestWatch_ContinuesAfterTheToken(t *testing.T) {
	for _, delivery := range []catalog.Delivery{catalog.AsCompleted, catalog.InOrder} {
		t.Run(fmt.Sprint("delivery ", delivery), func(t *testing.T) {
			r := single(t)
			items := goods(333, func(i int, it *catalog.Item) {
				if i%7 == 0 {
					it.ImageURL = "http://shop.example/1.jpg" // batched apart
				}
			})
			job := r.create(t, catalog.JobSpec{Owner: allOwners, Options: catalog.Options{BatchSize: 8, Delivery: delivery}}, items)
			var s *seen
			for s == nil || s.summary == nil {
				s = r.watch(t, job.ID, s, 1)
			}
			s.complete(t, items)
			done := int64(0)
			for i, b := range s.batches {
				done += int64(len(b.Outcomes))
				if b.ID != int64(i+1) || b.Progress.Done != done || b.Progress.Total != 333 || len(b.Outcomes) > 8 {
					t.Fatalf("batch %d: id %d, %+v", i, b.ID, b.Progress)
				}
				for _, o := range b.Outcomes {
					if o.Kind != b.Kind {
						t.Fatal("a batch holds two kinds")
					}
				}
			}
		})
	}
}

func TestCreate_SameRequestIDReturnsTheSameJob(t *testing.T) {
	r := single(t)
	spec := textual
	spec.RequestID = "import 7"
	first := r.create(t, spec, goods(3, nil))
	again := r.create(t, spec, goods(5, nil))
	if again.ID != first.ID || again.Progress.Total != 3 {
		t.Errorf("%+v after %+v", again, first)
	}
	spec.Owner = catalog.Owner{Name: "other"}
	if others := r.create(t, spec, goods(1, nil)); others.ID == first.ID {
		t.Error("two callers share a job")
	}
	if err := r.Delete(t.Context(), allOwners, first.ID); err != nil {
		t.Fatal(err)
	}
	spec.Owner = allOwners
	recreated := r.create(t, spec, goods(4, nil))
	if recreated.Progress.Total != 4 {
		t.Errorf("%+v after the deletion", recreated)
	}
	r.watch(t, recreated.ID, nil, 0).complete(t, goods(4, nil))
}

func TestCreate_BrokenUploadLeavesNoJob(t *testing.T) {
	r := single(t)
	broken := errors.New("the line is dead")
	n := 0
	_, err := r.Create(t.Context(), textual, func(context.Context) (*catalog.Item, error) {
		if n++; n > 250 {
			return nil, broken
		}
		return &catalog.Item{Name: "sofa"}, nil
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if _, err = r.Create(t.Context(), textual, from(nil)); !fault.Is(err, fault.InvalidRequest) {
		t.Errorf("no items: %v", err)
	}
	list, next, err := r.List(t.Context(), catalog.JobQuery{Owner: allOwners, Size: 10})
	if err != nil || len(list) != 0 || next != "" {
		t.Errorf("%v, %q, %v", list, next, err)
	}
	if asked := r.model.total(); asked != 0 {
		t.Errorf("%d items were asked about", asked)
	}
}

func TestCreate_LargeItems(t *testing.T) {
	r := single(t)
	items := goods(130, func(i int, it *catalog.Item) {
		switch i % 13 {
		case 1:
			it.ImageData = bytes.Repeat([]byte{1}, 3<<20)
		case 2:
			it.Description = string(bytes.Repeat([]byte("x"), 1<<20)) // too much for an item: its own error
		case 3:
			it.Description = string(bytes.Repeat([]byte("y"), 20<<10))
		}
	})
	job := r.create(t, textual, items)
	s := r.watch(t, job.ID, nil, 0)
	s.complete(t, items)
	if n := s.summary.FailuresByReason["INVALID_ITEM"]; n != 10 || s.summary.Failed != 10 {
		t.Errorf("%+v", s.summary)
	}
	if err := r.Delete(t.Context(), allOwners, job.ID); err != nil {
		t.Error(err)
	}
}

func TestCancel_KeepsResults(t *testing.T) {
	r := single(t)
	items := goods(500, func(i int, it *catalog.Item) {
		if i >= 100 {
			it.Description = "wait"
		}
	})
	job := r.create(t, textual, items)
	testkit.Await(t, "what does not wait is done", func() bool {
		got, err := r.Get(t.Context(), allOwners, job.ID)
		return err == nil && got.Progress.Done == 100
	})
	got, err := r.Cancel(t.Context(), allOwners, job.ID)
	if err != nil || got.State != catalog.JobCancelled || got.Progress.Done != 100 {
		t.Fatalf("%+v, %v", got, err)
	}
	s := r.watch(t, job.ID, nil, 0)
	if len(s.outcomes) != 100 || s.summary.Total != 100 {
		t.Errorf("%d results, %+v", len(s.outcomes), s.summary)
	}
	if again, err := r.Cancel(t.Context(), allOwners, job.ID); err != nil || !again.Ended.Equal(got.Ended) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestRetry_RunsWhatFailedAndMayPass(t *testing.T) {
	r := single(t)
	items := goods(400, func(i int, it *catalog.Item) {
		switch {
		case i%50 == 7:
			it.Description = "down once"
		case i%50 == 8:
			it.Description = "refuse"
		case i == 300:
			it.Description = "down once"
			it.ImageData = bytes.Repeat([]byte{1}, 1<<20)
		}
	})
	job := r.create(t, textual, items)
	if _, err := r.Retry(t.Context(), allOwners, job.ID, ""); err == nil {
		r.watch(t, job.ID, nil, 0)
	} else if !fault.Is(err, fault.Conflict) {
		t.Fatal(err)
	}
	before := r.watch(t, job.ID, nil, 0)
	retried, err := r.Retry(t.Context(), allOwners, job.ID, "again")
	if err != nil || retried.Progress.Total != 9 || retried.RetryOf != job.ID {
		t.Fatalf("%+v, %v", retried, err)
	}
	if same, err := r.Retry(t.Context(), allOwners, job.ID, "again"); err != nil || same.ID != retried.ID {
		t.Errorf("%+v, %v", same, err)
	}
	s := r.watch(t, retried.ID, nil, 0)
	if len(s.outcomes) != 9 || s.summary.Succeeded != 9 {
		t.Fatalf("%+v", s.summary)
	}
	for index, o := range s.outcomes {
		if o.ID != items[index].ID || before.outcomes[index].Err == nil {
			t.Errorf("item %d: %+v", index, o)
		}
	}
	if after := r.watch(t, job.ID, nil, 0); len(after.outcomes) != 400 || after.summary.Failed != before.summary.Failed {
		t.Error("the old job has changed")
	}
	if _, err := r.Retry(t.Context(), allOwners, retried.ID, ""); !fault.Is(err, fault.Conflict) {
		t.Errorf("nothing to retry: %v", err)
	}
}

func TestOwner_SeesOnlyOwnJobs(t *testing.T) {
	r := single(t)
	spec := textual
	spec.Owner = catalog.Owner{Name: "ann"}
	job := r.create(t, spec, goods(1, nil))
	bob := catalog.Owner{Name: "bob"}
	_, get := r.Get(t.Context(), bob, job.ID)
	_, cancel := r.Cancel(t.Context(), bob, job.ID)
	_, retry := r.Retry(t.Context(), bob, job.ID, "")
	_, odd := r.Get(t.Context(), allOwners, "../*.>")
	for what, err := range map[string]error{
		"get": get, "cancel": cancel, "retry": retry, "delete": r.Delete(t.Context(), bob, job.ID), "an odd id": odd,
		"watch": r.Watch(t.Context(), bob, job.ID, "", func(catalog.JobEvent) error { return nil }),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if list, _, err := r.List(t.Context(), catalog.JobQuery{Owner: bob, Size: 10}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := r.Get(t.Context(), allOwners, job.ID); err != nil {
		t.Error(err)
	}
}

func TestList_HasPages(t *testing.T) {
	r := single(t)
	var want []string
	for range 7 {
		want = append([]string{r.create(t, textual, goods(1, nil)).ID}, want...)
	}
	for _, size := range []int{1, 3, 7, 10} {
		var got []string
		token := ""
		for {
			list, next, err := r.List(t.Context(), catalog.JobQuery{Owner: allOwners, Size: size, Token: token})
			if err != nil || len(list) > size {
				t.Fatal(list, err)
			}
			for _, job := range list {
				got = append(got, job.ID)
			}
			if token = next; token == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", size, got, want)
		}
	}
	if _, _, err := r.List(t.Context(), catalog.JobQuery{Owner: allOwners, Size: 1, Token: "%"}); !fault.Is(err, fault.InvalidRequest) {
		t.Error(err)
	}
}

func TestWatch_RefusesATokenOfAnotherJob(t *testing.T) {
	r := single(t)
	one := r.create(t, textual, goods(30, nil))
	two := r.create(t, textual, goods(30, nil))
	token := r.watch(t, one.ID, nil, 1).token
	for _, bad := range []string{"%%", "AAAA", token} {
		err := r.Watch(t.Context(), allOwners, two.ID, bad, func(catalog.JobEvent) error { return nil })
		if !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWatch_EndsWhenItsJobIsDeleted(t *testing.T) {
	r := single(t)
	job := r.create(t, textual, goods(2, func(i int, it *catalog.Item) {
		if i == 1 {
			it.Description = "wait"
		}
	}))
	done := make(chan error, 1)
	begun := make(chan struct{}, 10)
	go func() {
		done <- r.Watch(t.Context(), allOwners, job.ID, "", func(catalog.JobEvent) error {
			begun <- struct{}{}
			return nil
		})
	}()
	<-begun
	if err := r.Delete(t.Context(), allOwners, job.ID); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the watch goes on")
	}
}

// What a deleted job had stored is gone, which is no loss of data.
func TestWatch_OfAnEndedJobEndsWhenItIsDeleted(t *testing.T) {
	ordered := textual
	ordered.Options.Delivery = catalog.InOrder
	for name, spec := range map[string]catalog.JobSpec{"as stored": textual, "in order": ordered} {
		for sent, at := range map[string]int{"at the first batch": 1, "at the fifth": 5} {
			t.Run(name+", "+sent, func(t *testing.T) {
				r := single(t)
				job := r.create(t, spec, goods(2000, nil))
				r.watch(t, job.ID, nil, 0)
				events := 0
				err := r.Watch(t.Context(), allOwners, job.ID, "", func(catalog.JobEvent) error {
					if events++; events == at {
						return r.Delete(t.Context(), allOwners, job.ID)
					}
					return nil
				})
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("after %d events the watch ended with %v", events, err)
				}
			})
		}
	}
}
