package jobs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/testkit"
)

var (
	damageSeeds = flag.Int("damage.seeds", 10, "stored jobs that are damaged at random")
	damageFirst = flag.Uint64("damage.first", 1, "the first seed of the damage")
)

// storedJobs is a data folder with jobs of each kind, and what they hold.
type storedJobs struct {
	dir   string
	items map[string][]*catalog.Item // by job
	ended map[string]bool
}

// storeJobs makes jobs that have ended, one that was stopped midway, and one that has
// not begun. The streams have several blocks each.
func storeJobs(t *testing.T) *storedJobs {
	t.Helper()
	s := &storedJobs{dir: t.TempDir(), items: map[string][]*catalog.Item{}, ended: map[string]bool{}}
	b := openBroker(t, s.dir)
	m := newModel(32)
	r := start(t, b, m, smallRoom)
	random := rand.New(rand.NewPCG(0, 0))
	add := func(n int, each func(i int, it *catalog.Item)) string {
		items := goods(n, func(i int, it *catalog.Item) {
			it.Attributes = map[string]string{"more": long(random)}
			each(i, it)
		})
		spec := textual
		if len(s.items)%2 == 1 {
			spec.Options.Delivery = catalog.InOrder
		}
		job := r.create(t, spec, items)
		s.items[job.ID] = items
		return job.ID
	}
	for _, n := range []int{1, 450, 730} {
		id := add(n, func(i int, it *catalog.Item) {
			if n == 450 && i%100 == 7 {
				it.ImageData = []byte(strings.Repeat("picture ", 20_000))
			}
		})
		r.watch(t, id, nil, 0)
		s.ended[id] = true
	}
	for _, waits := range []func(i int) bool{
		func(i int) bool { return i%7 == 6 && i < 70 }, // almost done
		func(i int) bool { return i > 300 },            // half of its chunks were not begun
	} {
		id := add(700, func(i int, it *catalog.Item) {
			if waits(i) {
				it.Description = "wait"
			}
			if i%100 == 8 {
				it.ImageData = []byte(strings.Repeat("picture ", 20_000))
			}
		})
		testkit.Await(t, "the job is midway", func() bool {
			got, err := r.Get(t.Context(), allOwners, id)
			return err == nil && got.Progress.Done > 250
		})
	}
	r.Close()
	b.Close()
	return s
}

// long returns a text that no compression shortens much, so that the stream of items
// has blocks that are full, which are compressed, and one that is not.
func long(random *rand.Rand) string {
	var text strings.Builder
	for text.Len() < 3500 {
		text.WriteString(strconv.FormatUint(random.Uint64(), 36))
	}
	return text.String()
}

func smallRoom(c *jobs.Config) { c.MaxBytes = 4 * jobs.MinBytes }

// damage is one way to spoil a file.
type damage struct {
	name  string
	spoil func(random *rand.Rand, path string) error
}

var damages = []damage{
	{"flips bits of", flipBits},
	{"truncates", func(random *rand.Rand, path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, random.Int64N(info.Size()+1))
	}},
	{"overwrites a part of", func(random *rand.Rand, path string) error {
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		from := random.IntN(len(b))
		for i := from; i < min(len(b), from+4096); i++ {
			b[i] = 0
		}
		return os.WriteFile(path, b, 0o600)
	}},
}

func flipBits(random *rand.Rand, path string) error {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return err
	}
	for range 1 + random.IntN(8) {
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
	}
	return os.WriteFile(path, b, 0o600)
}

// spoil damages blocks, and removes indexes, at random.
func spoil(t *testing.T, random *rand.Rand, dir string) {
	t.Helper()
	var blocks, indexes []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".blk":
			blocks = append(blocks, path)
		case ".db", ".dat":
			indexes = append(indexes, path)
		}
		return err
	})
	if err != nil || len(blocks) == 0 {
		t.Fatal(err, blocks)
	}
	short := func(path string) string {
		return strings.TrimPrefix(path, filepath.Join(dir, "jetstream", "$G", "streams"))
	}
	for range 1 + random.IntN(3) {
		how, path := damages[random.IntN(len(damages))], blocks[random.IntN(len(blocks))]
		t.Log(how.name, short(path))
		if err := how.spoil(random, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range indexes {
		if random.IntN(3) == 0 {
			t.Log("removes", short(path))
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// damagedTime is how long a damaged job may take to end or to fail.
const damagedTime = 90 * time.Second

// TestDamagedBlocks damages stored blocks at random: what can be read is read once,
// and what is lost is reported.
func TestDamagedBlocks(t *testing.T) {
	stored := storeJobs(t)
	for seed := *damageFirst; seed < *damageFirst+uint64(*damageSeeds); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(stored.dir)); err != nil {
				t.Fatal(err)
			}
			spoil(t, rand.New(rand.NewPCG(seed, 0)), dir)
			core, log := observer.New(zap.WarnLevel)
			b := openLogged(t, dir, zap.New(core))
			defer b.Close()
			m := newModel(32)
			close(m.let)
			r := start(t, b, m, smallRoom)
			defer r.Close()
			lost, left := false, remains(t, b)
			for id, items := range stored.items {
				lost = r.survived(t, id, items, stored.ended[id], left) || lost
			}
			if lost && log.FilterMessageSnippet("damaged on disk").Len()+r.said("lost") == 0 {
				t.Error("something is lost and the log does not say so")
			}
			r.lists(t)
		})
	}
}

// remains returns the ids of the jobs of which items or results are left.
func remains(t *testing.T, b *broker.Broker) map[string]bool {
	t.Helper()
	left := map[string]bool{}
	for _, name := range []string{"CREDENZA_ITEMS", "CREDENZA_RESULTS"} {
		stream, err := b.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("credenza.>"))
		if err != nil {
			t.Fatal(err)
		}
		for subject := range info.State.Subjects {
			if m, err := stream.GetLastMsgForSubject(t.Context(), subject); err == nil {
				left[m.Header.Get("Credenza-Job")] = true
			}
		}
	}
	return left
}

// lists fails unless jobs can be listed.
func (r *replica) lists(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), damagedTime)
	defer cancel()
	if _, _, err := r.List(ctx, catalog.JobQuery{Owner: allOwners, Size: 100}); err != nil {
		t.Errorf("ListJobs: %v", err)
	}
}

// survived watches a job of a damaged store to its end, and reports whether something
// of it is lost.
func (r *replica) survived(t *testing.T, id string, items []*catalog.Item, ended bool, left map[string]bool) (lost bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), damagedTime)
	defer cancel()
	began, results := time.Now(), map[int64]bool{}
	var summary *catalog.Summary
	err := r.Watch(ctx, allOwners, id, "", func(e catalog.JobEvent) error {
		if summary = e.Summary; summary != nil {
			return nil
		}
		for _, o := range e.Batch.Outcomes {
			if results[o.Index] {
				t.Errorf("item %d of %s has two results", o.Index, id)
			}
			if o.Err != nil || o.Classification.Reasoning != items[o.Index].Name {
				t.Errorf("item %d of %s has the result of another: %+v", o.Index, id, o)
			}
			results[o.Index] = true
		}
		return nil
	})
	job, getErr := r.Get(ctx, allOwners, id)
	t.Logf("job %s (ended before: %v): %d of %d results, state %d %q, watch: %v, get: %v, after %v",
		id, ended, len(results), len(items), job.State, job.Message, err, getErr, time.Since(began).Round(time.Millisecond))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		t.Error("the watch hangs")
	case fault.Is(err, fault.NotFound) && !left[id]:
		return true // nothing at all is left of it
	case err != nil && !fault.Is(err, fault.DataLoss):
		t.Errorf("the watch ends with %v", err)
	case err == nil && summary == nil:
		t.Error("the watch ends without a summary")
	case err == nil && len(results) < len(items) && (job.State != catalog.JobFailed || job.Message == ""):
		t.Errorf("%d results are missing, and the job does not say so", len(items)-len(results))
	}
	if getErr != nil && !fault.Is(getErr, fault.DataLoss) {
		t.Errorf("GetJob: %v", getErr)
	}
	return len(results) < len(items)
}
