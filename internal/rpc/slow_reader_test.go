package rpc_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// endless sends batches until it is stopped, and counts them.
type endless struct {
	mu      sync.Mutex
	sent    int
	stopped chan error
}

func (e *endless) run(_ context.Context, _ classify.Call, _ classify.Source, send classify.Sink) (catalog.Summary, error) {
	for {
		o := sofa(0, &catalog.Item{})
		o.Classification.Reasoning = strings.Repeat("because ", 128) // 1 KiB
		if err := send(catalog.Batch{Outcomes: []catalog.Outcome{o}}); err != nil {
			e.stopped <- err
			return catalog.Summary{}, err
		}
		e.mu.Lock()
		e.sent++
		e.mu.Unlock()
	}
}

func (e *endless) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sent
}

func TestSlowReaderHoldsUpTheEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		engine := &endless{stopped: make(chan error, 1)}
		s := start(t, setup{engine: fakeEngine{run: engine.run}})
		next := 0
		for batch, err := range s.client(t).ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}).Batches() {
			if err != nil || len(batch.Results) != 1 {
				t.Fatal(batch, err)
			}
			synctest.Wait() // the reader rests, everything else has come to a halt
			if next++; next == 10 {
				break
			}
		}
		// 256 KiB of the client's window, 64 KiB of the server's buffer, and what
		// is in the connection's 64 KiB.
		if n := engine.count(); n < 100 || n > 500 {
			t.Errorf("%d batches of 1 KiB were sent to a reader that took 10", n)
		}
		if err := <-engine.stopped; err == nil {
			t.Error("leaving the loop did not end the call")
		}
	})
}

func TestShutdownDoesNotWaitForReaders(t *testing.T) {
	bubble(t, func(t *testing.T) {
		engine := &endless{stopped: make(chan error, 1)}
		s := start(t, setup{engine: fakeEngine{run: engine.run}})
		for range s.client(t).ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}).Batches() {
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			began := time.Now()
			if err := s.Shutdown(ctx); err == nil {
				t.Error("Shutdown did not say that a call was cut off")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("Shutdown took %v", took)
			}
			<-engine.stopped
			break
		}
	})
}

// What ends a feed whose caller does not read is the end of its connection.
func TestShutdownHasNoDrainForFeeds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		engine := &endless{stopped: make(chan error, 1)}
		s := start(t, setup{engine: fakeEngine{run: engine.run}})
		for range s.client(t).Feed(context.Background(), nothing, credenza.Options{}).Batches() {
			synctest.Wait()
			began := time.Now()
			if err := s.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Shutdown took %v", took)
			}
			<-engine.stopped
			break
		}
	})
}
