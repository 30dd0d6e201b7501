package rpc_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// largeBatches has jobs of two batches with some MiB each, a notice before each of them.
type largeBatches struct{ *rpctest.Jobs }

func (largeBatches) Watch(_ context.Context, _ catalog.Owner, _, token string, send func(catalog.JobEvent) error) error {
	const results = 250
	tokens := []string{"", "first", "second"}
	for n := slices.Index(tokens, token) + 1; n < len(tokens); n++ {
		if err := send(catalog.JobEvent{Notice: &catalog.Notice{}, Token: tokens[n-1]}); err != nil {
			return err
		}
		done := int64(n * results)
		b := catalog.Batch{ID: int64(n), Progress: catalog.Progress{Done: done, Total: 2 * results}}
		for i := done - results; i < done; i++ {
			o := sofa(i, &catalog.Item{})
			o.Classification.Reasoning = strings.Repeat("x", 10_000)
			b.Outcomes = append(b.Outcomes, o)
		}
		if err := send(catalog.JobEvent{Batch: &b, Token: tokens[n]}); err != nil {
			return err
		}
	}
	return send(catalog.JobEvent{Summary: &catalog.Summary{}, Token: tokens[2]})
}

func TestWatchJob_ContinuesAfterEachMessage(t *testing.T) {
	c := start(t, setup{jobs: largeBatches{rpctest.NewJobs()}}).rawJobs(t)
	token, got, summaries := "", int64(0), 0
	for calls := 0; summaries == 0 && calls < 100; calls++ {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := c.WatchJob(ctx, &credenzav1.WatchJobRequest{JobId: "job", ResumeToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + calls%2 { // some calls end after the notice
			event, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			token = event.GetResumeToken()
			for _, r := range event.GetBatch().GetResults() {
				if r.GetIndex() != got {
					t.Fatalf("result %d came in place of %d, after the token %q", r.GetIndex(), got, token)
				}
				got++
			}
			if b := event.GetBatch(); b != nil && b.GetProgress().GetDone() != got {
				t.Errorf("%d are done, and the message says %d", got, b.GetProgress().GetDone())
			}
			if event.GetSummary() != nil {
				summaries++
				break
			}
		}
		cancel()
	}
	if got != 500 || summaries != 1 {
		t.Errorf("%d results and %d summaries came", got, summaries)
	}
}
