package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestInProcess_AsksNoMoreThanCanBeStored has a program that stores no result before the
// model was asked as often as it may be.
func TestInProcess_AsksNoMoreThanCanBeStored(t *testing.T) {
	const workers, items = 4, 60
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Millisecond}})
	stored := app.NewStored()
	config := settings(t, "--data-dir=", "--openai-api-key=sk-test", "--openai-base-url="+model, fmt.Sprint("--max-workers=", workers))
	client, done, err := app.InProcess(t.Context(), config, &buffer{}, stored)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	results := 0
	check := func() {
		if calls := sim.Calls(); calls > int64(results+workers) {
			t.Errorf("%d calls when %d results were stored", calls, results)
		}
	}
	for batch, err := range client.Feed(t.Context(), yieldItems(items), credenza.Options{}).Batches() {
		if err != nil {
			t.Fatal(err)
		}
		testkit.Await(t, "the model is asked", func() bool { return sim.Calls() >= int64(min(results+workers, items)) })
		check()
		results += len(batch.Results)
		stored.Add(len(batch.Results))
	}
	if check(); results != items {
		t.Errorf("%d results", results)
	}
}

func yieldItems(n int) func(func(credenza.Item) bool) {
	return func(yield func(credenza.Item) bool) {
		for i := range n {
			if !yield(credenza.Item{ProductName: fmt.Sprint("oak chair ", i)}) {
				return
			}
		}
	}
}
