package jobs_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestReplicas_SilentWorkersChunksGoToAnother holds up the line of a worker for longer than
// it may be silent: another one does its chunks, and what the first then has of them
// is refused. The job has one more item, so that it has not ended by then.
func TestReplicas_SilentWorkersChunksGoToAnother(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	line := newRelay(t, s.Addr().String())
	defer line.close()
	slow := connect(t, line.url())
	defer slow.Close()
	first := start(t, slow, newModel(200))
	defer first.Close()
	items := goods(151, func(i int, it *catalog.Item) {
		if it.Description = "wait"; i == 150 {
			it.Description = "wait longer"
		}
	})
	job := first.create(t, textual, items)
	testkit.Await(t, "the first worker has the items", func() bool { return first.model.total() == 151 })
	line.hold()
	b := connect(t, s.ClientURL())
	defer b.Close()
	second := start(t, b, newModel(200))
	defer second.Close()
	close(second.model.let)
	done := func() int64 {
		got, err := second.Get(t.Context(), allOwners, job.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.Progress.Done
	}
	testkit.Await(t, "the second worker has done all but the last", func() bool { return done() == 150 })
	close(first.model.let)
	line.release()
	testkit.Await(t, "the first worker has lost both chunks", func() bool { return first.said("another worker has taken over") == 2 })
	if n := done(); n != 150 {
		t.Errorf("%d results for 150 items", n)
	}
	close(second.model.longer)
	second.watch(t, job.ID, nil, 0).complete(t, items)
}

// TestRun_CreatesALostConsumerAgain deletes what replicas share a job's chunks by,
// in the middle of the job.
func TestRun_CreatesALostConsumerAgain(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(16))
	defer r.Close()
	items := goods(1500, func(_ int, it *catalog.Item) { it.Description = "slow" })
	job := r.create(t, textual, items)
	seen := r.watch(t, job.ID, nil, 20)
	stream, err := b.JetStream().Stream(t.Context(), "CREDENZA_ITEMS")
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if err := stream.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	r.watch(t, job.ID, seen, 0).complete(t, items)
	if twice := r.model.askedTwice(); twice > 0 {
		t.Errorf("%d items were asked about twice", twice)
	}
}

// TestReplica_JobsTakeTurns has one caller's long jobs hold every place, and another come
// with a short one.
func TestReplica_JobsTakeTurns(t *testing.T) {
	r := single(t)
	long := func() []*catalog.Item {
		return goods(300, func(_ int, it *catalog.Item) { it.Description = "wait" })
	}
	for range 16 {
		r.create(t, textual, long())
	}
	testkit.Await(t, "the long jobs hold every slot of the model", func() bool { return r.model.total() == 32 })
	close(r.model.let) // from here on each answer takes its time, but comes
	spec := textual
	spec.Owner = catalog.Owner{Name: "small"}
	short := r.create(t, spec, goods(1, nil))
	if s := r.watch(t, short.ID, nil, 0); s.summary.Succeeded != 1 {
		t.Errorf("%+v", s.summary)
	}
}

// TestReplicas_ShareAJob has three of them do one job together, and each of them
// serve its readers.
func TestReplicas_ShareAJob(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	var replicas []*replica
	for range 3 {
		b := connect(t, s.ClientURL())
		defer b.Close()
		r := start(t, b, newModel(16))
		defer r.Close()
		replicas = append(replicas, r)
	}
	items := goods(3000, func(_ int, it *catalog.Item) { it.Description = "slow" })
	job := replicas[0].create(t, textual, items)
	if _, err := replicas[1].Get(t.Context(), allOwners, job.ID); err != nil {
		t.Errorf("another replica does not know the job: %v", err)
	}
	total := 0
	for i, r := range replicas {
		r.watch(t, job.ID, nil, 0).complete(t, items)
		n := r.model.total()
		t.Logf("replica %d asked about %d items", i, n)
		if n < 300 {
			t.Errorf("replica %d had %d items", i, n)
		}
		total += n
	}
	if total != 3000 {
		t.Errorf("%d calls for 3000 items", total)
	}
}

// TestStart_ContinuesStoredJobs closes the service at random points of a job.
func TestStart_ContinuesStoredJobs(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			dir := t.TempDir()
			m := newModel(32)
			items := goods(1000, func(i int, it *catalog.Item) {
				it.Description = "slow"
				if i%9 == 0 {
					it.Description = "refuse"
				}
			})
			var id string
			var s *seen
			for round := 0; s == nil || s.summary == nil; round++ {
				b := openBroker(t, dir)
				r := start(t, b, m)
				if id == "" {
					id = r.create(t, textual, items).ID
				}
				if round == 5 {
					s = r.watch(t, id, s, 0)
				} else {
					s = r.watch(t, id, s, 1+random.IntN(20))
				}
				if random.IntN(2) == 0 { // in good order
					r.Drain(t.Context())
				}
				r.Close()
				b.Close()
			}
			s.complete(t, items)
			if twice := m.askedTwice(); twice > 5*32 { // a pool at each of its ends
				t.Errorf("%d items were asked about twice", twice)
			}
		})
	}
}

// TestStore_WaitsWhileItIsAway ends the server of the store in the middle of a
// job, and starts it again.
func TestStore_WaitsWhileItIsAway(t *testing.T) {
	dir := t.TempDir()
	s := natsServer(t, dir, -1)
	port := s.Addr().(*net.TCPAddr).Port
	b := connect(t, s.ClientURL())
	defer b.Close()
	r := start(t, b, newModel(16))
	defer r.Close()
	items := goods(3000, func(_ int, it *catalog.Item) { it.Description = "slow" })
	job := r.create(t, textual, items)
	token := r.watch(t, job.ID, nil, 3)
	s.Shutdown()
	s.WaitForShutdown()
	testkit.Await(t, "calls say that the store is away", func() bool {
		_, err := r.Get(t.Context(), allOwners, job.ID)
		return fault.Is(err, fault.StorageAway)
	})
	if _, err := r.Create(t.Context(), textual, from(goods(1, nil))); !fault.Is(err, fault.StorageAway) {
		t.Errorf("a job was created: %v", err)
	}
	natsServer(t, dir, port)
	testkit.Await(t, "the store is back", func() bool {
		_, err := r.Get(t.Context(), allOwners, job.ID)
		return err == nil
	})
	r.watch(t, job.ID, token, 0).complete(t, items)
	if twice := r.model.askedTwice(); twice > 0 {
		t.Errorf("%d items were asked about twice", twice)
	}
}

// TestStore_RefusesWhileFullAndContinues fills the room for jobs.
func TestStore_RefusesWhileFullAndContinues(t *testing.T) {
	r := single(t, func(c *jobs.Config) {
		c.MaxBytes, c.Keep = 2*jobs.MinBytes, time.Nanosecond
		c.TidyPause = time.Hour // the test alone tidies
	})
	letters := rand.NewChaCha8([32]byte{1})
	large := func(n int) []*catalog.Item {
		return goods(n, func(_ int, it *catalog.Item) {
			text := make([]byte, 30<<10)
			_, _ = io.ReadFull(letters, text)
			for i := range text {
				text[i] = ' ' + text[i]%90
			}
			it.Description = string(text)
		})
	}
	small := r.create(t, textual, large(120))
	r.watch(t, small.ID, nil, 0)
	if _, err := r.Create(t.Context(), textual, from(large(500))); !fault.Is(err, fault.StorageFull) {
		t.Fatalf("more than there is room for: %v", err)
	}
	if _, err := r.Get(t.Context(), allOwners, small.ID); err != nil {
		t.Errorf("the job that was there: %v", err)
	}
	if err := r.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context(), allOwners, small.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a job that ended longer ago than jobs are kept: %v", err)
	}
	next := r.create(t, textual, large(200))
	if s := r.watch(t, next.ID, nil, 0); s.summary.Total != 200 {
		t.Errorf("%+v", s.summary)
	}
}

func TestCreate_BoundsLargeItems(t *testing.T) {
	r := single(t, func(c *jobs.Config) { c.MaxBytes = 2 * jobs.MinBytes })
	pictures := func(n int) []*catalog.Item {
		return goods(n, func(_ int, it *catalog.Item) { it.ImageData = make([]byte, 1<<20) })
	}
	first := r.create(t, textual, pictures(6))
	if _, err := r.Create(t.Context(), textual, from(pictures(4))); !fault.Is(err, fault.StorageFull) {
		t.Errorf("more than there is room for: %v", err)
	}
	r.watch(t, first.ID, nil, 0)
	if err := r.Delete(t.Context(), allOwners, first.ID); err != nil {
		t.Fatal(err)
	}
	r.create(t, textual, pictures(6))
}

func TestTidy_KeepsWhatIsStoredOfAJobWithoutItsRecord(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(4), func(c *jobs.Config) { c.UploadWait = time.Millisecond })
	defer r.Close()
	job := r.create(t, textual, goods(20, nil))
	r.watch(t, job.ID, nil, 0)
	records, err := b.JetStream().KeyValue(t.Context(), "credenza_jobs")
	if err == nil {
		err = records.Purge(t.Context(), job.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	testkit.Await(t, "the record is gone", func() bool { return len(r.States()) == 0 })
	if err := r.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	jobs.FailResults(r.Service, "results cannot be read")
	if err := r.Tidy(t.Context()); err == nil || !strings.Contains(err.Error(), "results cannot be read") {
		t.Errorf("a store that fails: %v", err)
	}
	for _, name := range []string{"CREDENZA_ITEMS", "CREDENZA_RESULTS"} {
		stream, err := b.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if stream.CachedInfo().State.Msgs == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestTidy_RemovesBrokenUploads(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(4), func(c *jobs.Config) { c.UploadWait = 2 * time.Second })
	defer r.Close()
	js := b.JetStream()
	for i := range 3 {
		chunk := &nats.Msg{
			Subject: fmt.Sprint("credenza.items.abandoned.", i), Data: []byte("a chunk"),
			Header: nats.Header{"Credenza-Job": {"abcdefghijklmnopqrstuvwxyz"}},
		}
		if _, err := js.PublishMsg(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
	}
	job := r.create(t, textual, goods(250, nil))
	left := func() map[string]uint64 {
		stream, err := js.Stream(t.Context(), "CREDENZA_ITEMS")
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			t.Fatal(err)
		}
		return info.State.Subjects
	}
	if err := r.Tidy(t.Context()); err != nil || len(left()) != 6 {
		t.Fatalf("too early: %v, %v", left(), err)
	}
	testkit.Await(t, "the upload is taken for abandoned", func() bool {
		if err := r.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(left()) == 3
	})
	r.watch(t, job.ID, nil, 0).complete(t, goods(250, nil))
}
