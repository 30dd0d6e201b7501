package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// jobsCommand measures a job on the offline classifier: how fast it is uploaded, run and
// read, and its memory and disk space. The yardstick is a feed of the same items to the
// same server, which stores nothing.
type jobsCommand struct {
	Items int `arg:"" default:"1000000" help:"How many items it has."`
}

// Run prints a row for each step.
func (c jobsCommand) Run(ctx context.Context, b bench, w io.Writer) (err error) {
	server, err := b.service(ctx, nil, "CREDENZA_BACKEND=offline", "CREDENZA_LOG_LEVEL=warn")
	if err != nil {
		return err
	}
	defer server.stop()
	client, err := credenza.Dial(server.addr, credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	m := &jobBench{client: client, server: server, items: c.Items, out: &table{w: w}}
	m.out.printf("%-28s %12s %12s %12s %12s\n", strconv.Itoa(c.Items)+" items, offline", "items/s", "time", "memory", "on disk")
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{{"feed, stored nowhere", m.feed}, {"job, taken in", m.upload}, {"job, run and followed", m.watch}, {"job, read again", m.watch}} {
		if err := m.row(ctx, step.name, step.run); err != nil {
			return err
		}
	}
	return m.out.err
}

// jobBench is a running measurement of a job.
type jobBench struct {
	client *credenza.Client
	server *process
	items  int
	out    *table
	id     string
	done   atomic.Int64
}

func (m *jobBench) goods() iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for i := range m.items {
			name, description := question(i)
			if !yield(credenza.Item{ID: strconv.Itoa(i), ProductName: name, Description: description}) {
				return
			}
		}
	}
}

// row measures a step, and the server's memory in each fifth of it.
func (m *jobBench) row(ctx context.Context, what string, step func(context.Context) error) error {
	m.done.Store(0)
	sampling, stop := context.WithCancel(ctx)
	peaks := make(chan [fifths]int64, 1)
	go func() { peaks <- m.sample(sampling) }()
	begun := time.Now()
	err := step(ctx)
	took := time.Since(begun)
	stop()
	peaksByFifth := <-peaks
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	stored, err := sizeOf(m.server.data)
	if err != nil {
		return err
	}
	m.out.printf("%-28s %12.0f %12s %9d MB %9d MB\n", what, float64(m.items)/took.Seconds(),
		took.Round(100*time.Millisecond), slices.Max(peaksByFifth[:])>>20, stored>>20)
	m.out.printf("%-28s", "  memory by fifths, in MB")
	for _, peak := range peaksByFifth {
		m.out.printf(" %d", peak>>20)
	}
	m.out.printf("\n")
	return nil
}

const fifths = 5

// sample returns the most memory that the server had in each fifth of a step.
func (m *jobBench) sample(ctx context.Context) (peaks [fifths]int64) {
	for sleep(ctx, 100*time.Millisecond) == nil {
		part := min(fifths-1, fifths*m.done.Load()/int64(max(m.items, 1)))
		if now, err := memory(m.server.cmd.Process.Pid, memoryNow); err == nil {
			peaks[part] = max(peaks[part], now)
		}
	}
	return peaks
}

func (m *jobBench) feed(ctx context.Context) error {
	return m.count(m.client.Feed(ctx, m.goods(), credenza.Options{Mode: credenza.Text, BatchSize: 100}).Batches())
}

func (m *jobBench) upload(ctx context.Context) error {
	counted := func(yield func(credenza.Item) bool) {
		for it := range m.goods() {
			m.done.Add(1)
			if !yield(it) {
				return
			}
		}
	}
	job, err := m.client.CreateJob(ctx, counted, credenza.JobSpec{
		Name: "bench", Options: credenza.Options{Mode: credenza.Text, BatchSize: 100},
	})
	m.id = job.ID
	return err
}

func (m *jobBench) watch(ctx context.Context) error {
	return m.count(m.client.WatchJob(ctx, m.id, "").Batches())
}

// count fails unless each item has one result without an error.
func (m *jobBench) count(batches iter.Seq2[credenza.Batch, error]) error {
	seen := make([]bool, m.items)
	n := 0
	for batch, err := range batches {
		if err != nil {
			return err
		}
		for _, r := range batch.Results {
			if r.Err != nil || seen[r.Index] {
				return fmt.Errorf("item %d: twice %v, error %w", r.Index, seen[r.Index], r.Err)
			}
			seen[r.Index] = true
			n++
		}
		m.done.Store(int64(n))
	}
	if n != m.items {
		return fmt.Errorf("%d of %d results", n, m.items)
	}
	return nil
}

// sizeOf returns the bytes of a folder's files.
func sizeOf(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // files come and go while the server works
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
