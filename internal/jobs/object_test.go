package jobs_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// TestItem_ThatIsAnObjectAndGivenUp has callers give up at any moment of reading an item of
// several messages. No goroutine may be left (TestMain), and no item be taken for damaged.
func TestItem_ThatIsAnObjectAndGivenUp(t *testing.T) {
	r := single(t)
	items := goods(2, func(_ int, it *catalog.Item) { it.ImageData = make([]byte, 1<<20) })
	job := r.create(t, textual, items)
	r.watch(t, job.ID, nil, 0)
	start := time.Now()
	if _, err := r.Item(t.Context(), allOwners, job.ID, 1); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(2*took))))
				it, err := r.Item(ctx, allOwners, job.ID, 1)
				cancel()
				if fault.Is(err, fault.DataLoss) || err == nil && len(it.ImageData) != 1<<20 {
					t.Errorf("error %v", err)
				}
			}
		})
	}
	all.Wait()
}

// TestItem_WhosePartsAreLost removes one message of several that an item is stored in.
func TestItem_WhosePartsAreLost(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(32))
	defer r.Close()
	items := goods(2, func(_ int, it *catalog.Item) { it.ImageData = make([]byte, 1<<20) })
	job := r.create(t, textual, items)
	r.watch(t, job.ID, nil, 0)
	for info := range b.JetStream().ListStreams(t.Context(), jetstream.WithStreamListSubject("$O.>")).Info() {
		stream, err := b.JetStream().Stream(t.Context(), info.Config.Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.DeleteMsg(t.Context(), info.State.FirstSeq+2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Item(t.Context(), allOwners, job.ID, 0); !fault.Is(err, fault.DataLoss) {
		t.Errorf("the item with a lost part: %v", err)
	}
	if it, err := r.Item(t.Context(), allOwners, job.ID, 1); err != nil || len(it.ImageData) != 1<<20 {
		t.Errorf("the other item: %v", err)
	}
}
