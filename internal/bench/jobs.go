package main

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/credenza-dev/credenza/examples"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// jobsCommand measures a job: how fast it is uploaded, run and read, and its memory and disk
// space, on the offline classifier or on a simulated model. The yardstick of the offline
// classifier is a feed of the same items to the same server, which stores nothing.
type jobsCommand struct {
	Items   int  `arg:"" default:"1000000" help:"How many items it has."`
	Model   bool `help:"Ask a simulated model, median 200 ms."`
	Workers int  `default:"512" help:"Calls to the model at once."`
}

// Run prints a row for each step.
func (c jobsCommand) Run(ctx context.Context, b *bench) error {
	model, env := "", []string{"CREDENZA_BACKEND=offline"}
	if c.Model {
		sim := b.role(ctx, "sim")
		defer sim.stop()
		model, env = sim.addr, []string{"CREDENZA_MAX_WORKERS=" + strconv.Itoa(c.Workers)}
	}
	server := b.service(ctx, model, env...)
	defer server.stop()
	client := must(dial(server.addr))
	defer func() { _ = client.Close() }()
	what := " items, offline"
	if c.Model {
		what = " items, a model"
	}
	b.printf("%-28s %12s %12s %12s %12s %12s\n", strconv.Itoa(c.Items)+what, "items/s", "time", "CPU/item", "memory", "on disk")
	m := &jobBench{bench: b, server: server, items: c.Items}
	options := credenza.Options{Mode: credenza.Text, BatchSize: 100}
	if !c.Model { // whose answers would be there for the job
		m.row(ctx, "feed, stored nowhere", func() { m.count(client.Feed(ctx, m.goods(new(atomic.Int64)), options).Batches()) })
	}
	id := ""
	m.row(ctx, "job, taken in", func() {
		id = must(client.CreateJob(ctx, m.goods(&m.done), credenza.JobSpec{Name: "bench", Options: options})).ID
	})
	for _, step := range []string{"job, run and followed", "job, read again"} {
		m.row(ctx, step, func() { m.count(client.WatchJob(ctx, id, "").Batches()) })
	}
	m.stored(ctx)
	return nil
}

// stored prints the bytes of each stream on disk.
func (m *jobBench) stored(ctx context.Context) {
	for _, folder := range must(filepath.Glob(filepath.Join(m.server.data, "jetstream", "*", "streams", "*"))) {
		size := sizeOf(ctx, folder)
		m.printf("  on disk: %-24s %9d MB %8.0f bytes an item\n", filepath.Base(folder), size>>20, float64(size)/float64(m.items))
	}
}

// jobBench is a running measurement of a job.
type jobBench struct {
	*bench
	server *process
	items  int
	done   atomic.Int64 // of the step's items
}

// goods returns the items, and counts those that were taken.
func (m *jobBench) goods(taken *atomic.Int64) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for i := range m.items {
			item := product(i)
			if taken.Add(1); !yield(item) {
				return
			}
		}
	}
}

// vocabulary are the words of the sample catalogue.
var vocabulary = sync.OnceValue(func() []string { return strings.Fields(string(examples.Catalogue)) })

// product returns an item of the size that a shop's have, in words of its own: equal texts
// would take hardly any space, since what is stored is compressed.
func product(i int) credenza.Item {
	random := rand.New(rand.NewPCG(uint64(i), 0))
	text := func(words int) string {
		list := make([]string, words)
		for n := range list {
			list[n] = vocabulary()[random.IntN(len(vocabulary()))]
		}
		return strings.Join(list, " ")
	}
	return credenza.Item{
		ID: fmt.Sprintf("SKU-%08d", i), ProductName: text(6), Description: text(60), Type: text(2), PriceRange: text(1),
		Attributes: map[string]string{"material": text(2), "room": text(1)},
	}
}

// row measures a step, and the server's memory in each fifth of it.
func (m *jobBench) row(ctx context.Context, what string, step func()) {
	sampling, stop := context.WithCancel(ctx)
	defer stop()
	m.done.Store(0)
	peaks := make(chan [fifths]uint64, 1)
	go func() { peaks <- m.sample(sampling) }()
	begun, used := time.Now(), m.server.cpu()
	step()
	took := time.Since(begun)
	used = m.server.cpu() - used
	stop()
	byFifth := <-peaks
	m.printf("%-28s %12.0f %12s %12s %9d MB %9d MB\n%-28s", what, float64(m.items)/took.Seconds(),
		took.Round(100*time.Millisecond), us(used/time.Duration(m.items)), slices.Max(byFifth[:])>>20, sizeOf(ctx, m.server.data)>>20, "  memory by fifths, in MB")
	for _, peak := range byFifth {
		m.printf(" %d", peak>>20)
	}
	m.printf("\n")
}

const fifths = 5

// sample returns the most memory that the server had in each fifth of a step.
func (m *jobBench) sample(ctx context.Context) (peaks [fifths]uint64) {
	for sleep(ctx, 100*time.Millisecond) == nil {
		part := min(fifths-1, fifths*m.done.Load()/int64(max(m.items, 1)))
		if now, _, err := memory(m.server.cmd.Process.Pid); err == nil {
			peaks[part] = max(peaks[part], now)
		}
	}
	return peaks
}

// count ends the measurement unless each item has one result without an error.
func (m *jobBench) count(batches iter.Seq2[credenza.Batch, error]) {
	seen := make([]bool, m.items)
	n := 0
	for batch, err := range batches {
		check(err)
		for _, r := range batch.Results {
			if r.Err != nil || seen[r.Index] {
				check(fmt.Errorf("item %d: twice %v, error %w", r.Index, seen[r.Index], r.Err))
			}
			seen[r.Index] = true
			n++
		}
		m.done.Store(int64(n))
	}
	if n != m.items {
		check(fmt.Errorf("%d of %d results", n, m.items))
	}
}

// sizeOf returns the bytes of a folder's files.
func sizeOf(ctx context.Context, folder string) (n int64) {
	out, _ := exec.CommandContext(ctx, "du", "-sb", folder).Output() // an error is of files that went meanwhile
	must(fmt.Sscan(string(out), &n))
	return n
}
