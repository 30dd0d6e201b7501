package broker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/jobs"
)

// platter is what a disk has of a folder: a file's bytes as of its last sync, and a
// name once its folder was synced.
type platter struct {
	mu    sync.Mutex
	files map[string][]byte
	names map[string][]os.DirEntry
}

func newPlatter() *platter {
	return &platter{files: map[string][]byte{}, names: map[string][]os.DirEntry{}}
}

func (p *platter) sync(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if info.IsDir() {
		p.names[path], err = os.ReadDir(path)
		return err
	}
	p.files[path], err = os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// cut returns a folder with what is left after the power was cut.
func (p *platter) cut(t *testing.T, dir string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	left := t.TempDir()
	p.restore(t, dir, left)
	return left
}

func (p *platter) restore(t *testing.T, from, to string) {
	t.Helper()
	for _, entry := range p.names[from] {
		path, left := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		var err error
		if entry.IsDir() {
			err = os.Mkdir(left, 0o700)
			p.restore(t, path, left)
		} else {
			err = os.WriteFile(left, p.files[path], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// echo answers items at once, or waits for the call's end at one named "wait".
type echo struct{}

func (echo) Run(ctx context.Context, _ classify.Call, next classify.Source, send classify.Sink) (sum catalog.Summary, err error) {
	for {
		it, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		if it.Name == "wait" {
			<-ctx.Done()
			return sum, ctx.Err()
		}
		o := catalog.Outcome{Index: sum.Total, ID: it.ID, Classification: catalog.Classification{Category: "SOFA"}}
		sum.Add(&o)
		if err := send(catalog.Batch{Outcomes: []catalog.Outcome{o}}); err != nil {
			return sum, err
		}
	}
}

// Outage reports none.
func (echo) Outage(string) (*catalog.Outage, <-chan struct{}) { return nil, nil }

func serve(t *testing.T, b *broker.Broker, within time.Duration) *jobs.Service {
	t.Helper()
	s, err := jobs.Start(t.Context(), jobs.Config{
		MaxBytes: 64 << 20, Keep: time.Hour, BatchSize: [catalog.NumKinds]int{1, 1}, Sync: within,
	}, b, echo{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func named(names ...string) classify.Source {
	return func(context.Context) (*catalog.Item, error) {
		if len(names) == 0 {
			return nil, io.EOF
		}
		it := &catalog.Item{ID: names[0], Name: names[0]}
		names = names[1:]
		return it, nil
	}
}

var (
	allOwners = catalog.Owner{All: true}
	errCut    = errors.New("the power is cut")
)

// TestPowerCut_LosesNothingThatWasReported restarts from what was synced, after each
// answer of a job's life.
func TestPowerCut_LosesNothingThatWasReported(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	defer b.Close()
	disk := newPlatter()
	b.OnSync(disk.sync)
	s := serve(t, b, time.Hour)
	defer s.Close()
	for i := range 20 {
		job, err := s.Create(t.Context(), catalog.JobSpec{Owner: allOwners}, named("a", "b", "c"))
		if err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			if results := finish(t, disk.cut(t, dir), job.ID, 0); results != 3 {
				t.Errorf("job %d: %d results after its creation", i, results)
			}
		}
		err = s.Watch(t.Context(), allOwners, job.ID, "", func(catalog.JobEvent) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			if results := finish(t, disk.cut(t, dir), job.ID, catalog.JobSucceeded); results != 3 {
				t.Errorf("job %d: %d results after its end", i, results)
			}
		}
	}
}

// finish starts a service on a folder, and returns how many results a job has when
// it has ended.
func finish(t *testing.T, dir, id string, state catalog.JobState) (results int) {
	t.Helper()
	b := open(t, dir)
	defer b.Close()
	s := serve(t, b, time.Hour)
	defer s.Close()
	job, err := s.Get(t.Context(), allOwners, id)
	if err != nil || (state != 0 && job.State != state) {
		t.Errorf("after the power cut: %+v, %v", job, err)
		return 0
	}
	err = s.Watch(t.Context(), allOwners, id, "", func(e catalog.JobEvent) error {
		if e.Batch != nil {
			results += len(e.Batch.Outcomes)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return results
}

// TestSyncAlways_LosesNoResultThatWasShown cuts the power after each result.
func TestSyncAlways_LosesNoResultThatWasShown(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	defer b.Close()
	disk := newPlatter()
	b.OnSync(disk.sync)
	s := serve(t, b, 0)
	defer s.Close()
	job, err := s.Create(t.Context(), catalog.JobSpec{Owner: allOwners}, named("a", "b", "c", "d", "wait"))
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	err = s.Watch(t.Context(), allOwners, job.ID, "", func(e catalog.JobEvent) error {
		shown += len(e.Batch.Outcomes)
		if left := stored(t, disk.cut(t, dir), job.ID); left < shown {
			return fmt.Errorf("%d of %d results are left", left, shown)
		}
		if shown == 4 {
			return errCut
		}
		return nil
	})
	if !errors.Is(err, errCut) {
		t.Error(err)
	}
}

// stored returns how many results a folder has of a job.
func stored(t *testing.T, dir, id string) int {
	t.Helper()
	b := open(t, dir)
	defer b.Close()
	s := serve(t, b, 0)
	defer s.Close()
	job, err := s.Get(t.Context(), allOwners, id)
	if err != nil {
		t.Error(err)
	}
	return int(job.Progress.Done)
}
