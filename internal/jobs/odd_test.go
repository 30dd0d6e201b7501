package jobs_test

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestRun_InvalidItemFailsAlone has items that are small in bytes and large in parts.
func TestRun_InvalidItemFailsAlone(t *testing.T) {
	r := single(t)
	items := goods(10, nil)
	items[3].Tags = make([]string, 1<<20+1)
	items[5].Attributes = map[string]string{}
	for i := range 50_000 {
		items[5].Attributes[fmt.Sprint(i)] = "x"
	}
	job := r.create(t, textual, items)
	s := r.watch(t, job.ID, nil, 0)
	s.complete(t, items)
	if s.summary.Failed != 2 || s.summary.FailuresByReason["INVALID_ITEM"] != 2 {
		t.Errorf("%+v", s.summary)
	}
}

func TestWatch_EndsWhenItsJobIsCreatedAgain(t *testing.T) {
	r := single(t)
	spec := textual
	spec.RequestID = "import"
	wait := func(_ int, it *catalog.Item) { it.Description = "wait" }
	first := r.create(t, spec, goods(2, wait))
	done := make(chan error, 1)
	go func() {
		done <- r.Watch(t.Context(), allOwners, first.ID, "", func(catalog.JobEvent) error { return nil })
	}()
	if err := r.Delete(t.Context(), allOwners, first.ID); err != nil {
		t.Fatal(err)
	}
	if again := r.create(t, spec, goods(3, wait)); again.ID != first.ID {
		t.Fatalf("created %s again as %s", first.ID, again.ID)
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

// TestCreate_ReportsAnUploadThatWasTooSlow tidies an upload away while it is silent.
func TestCreate_ReportsAnUploadThatWasTooSlow(t *testing.T) {
	r := single(t, func(c *jobs.Config) { c.UploadWait = time.Millisecond })
	given := 0
	_, err := r.Create(t.Context(), textual, func(context.Context) (*catalog.Item, error) {
		switch given++; given {
		case 250:
			testkit.Await(t, "the first chunks are stored and old", func() bool {
				return r.Tidy(t.Context()) == nil && r.said("a broken upload is removed") > 0
			})
		case 300:
			return nil, io.EOF
		}
		return &catalog.Item{Name: "sofa"}, nil
	})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
}

func TestRequestID_BelongsToOneJob(t *testing.T) {
	r := single(t)
	spec := textual
	spec.RequestID = "import"
	job := r.create(t, spec, goods(3, func(_ int, it *catalog.Item) { it.Description = "down" }))
	r.watch(t, job.ID, nil, 0)
	if other, err := r.Retry(t.Context(), allOwners, job.ID, "import"); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %+v, %v", other, err)
	}
}

// TestReplay_LeavesNoConsumers looks at the consumers of the results.
func TestReplay_LeavesNoConsumers(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(8))
	defer r.Close()
	spec := textual
	spec.Options.Delivery = catalog.InOrder
	job := r.create(t, spec, goods(1000, nil))
	r.watch(t, job.ID, nil, 0)
	for range 20 {
		if _, err := r.Get(t.Context(), allOwners, job.ID); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := b.JetStream().Stream(t.Context(), "CREDENZA_RESULTS")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Consumers > 1 {
		t.Errorf("%+v, %v", info.State, err)
	}
}

// TestStart_LargerLimitWins has two replicas with different settings.
func TestStart_LargerLimitWins(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	var limits []int64
	for _, bytes := range []int64{2 * jobs.MinBytes, 8 * jobs.MinBytes, jobs.MinBytes} {
		r := start(t, b, newModel(1), func(c *jobs.Config) { c.MaxBytes = bytes })
		defer r.Close()
		stream, err := b.JetStream().Stream(t.Context(), "CREDENZA_RESULTS")
		if err != nil {
			t.Fatal(err)
		}
		limits = append(limits, stream.CachedInfo().Config.MaxBytes)
	}
	if limits[0] != jobs.MinBytes || limits[1] != 4*jobs.MinBytes || limits[2] != 4*jobs.MinBytes {
		t.Errorf("limits %v", limits)
	}
}

// TestCreate_RecordIsVisibleToAllReplicas looks at how the bucket of records is read.
func TestCreate_RecordIsVisibleToAllReplicas(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(1))
	defer r.Close()
	stream, err := b.JetStream().Stream(t.Context(), "KV_credenza_jobs")
	if err != nil {
		t.Fatal(err)
	}
	if config := stream.CachedInfo().Config; config.AllowDirect || config.Storage != jetstream.FileStorage {
		t.Errorf("%+v", config)
	}
}

// TestDelete_OfAStoreThatFails has the store fail by itself, for want of room or otherwise.
func TestDelete_OfAStoreThatFails(t *testing.T) {
	for description, want := range map[string]fault.Reason{
		"write 3.blk: " + syscall.ENOSPC.Error(): fault.StorageFull,
		"write 3.blk: " + syscall.EIO.Error():    fault.StorageAway,
	} {
		t.Run(fmt.Sprint(want), func(t *testing.T) {
			r := single(t)
			job := r.create(t, textual, goods(3, nil))
			r.watch(t, job.ID, nil, 0)
			jobs.FailResults(r.Service, description)
			if err := r.Delete(t.Context(), allOwners, job.ID); !fault.Is(err, want) {
				t.Errorf("deleting ended with %v", err)
			}
			if err := r.Delete(t.Context(), allOwners, job.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("deleting again ended with %v", err)
			}
		})
	}
}
