package rpc

import (
	"context"

	"google.golang.org/protobuf/proto"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// What it took to answer an item shows whether another caller asked the same before or
// at the same time. A caller that must not know it gets none of these fields.

// hideShared removes from results what shows that their work was shared.
func hideShared(ctx context.Context, results ...*credenzav1.ItemResult) {
	if seesAll(ctx) {
		return
	}
	for _, r := range results {
		t := r.GetTrace()
		r.Trace = &credenzav1.Trace{
			Backend: t.GetBackend(), Model: t.GetModel(), QueueTime: t.GetQueueTime(), Latency: t.GetLatency(),
			TaxonomyVersion: t.GetTaxonomyVersion(), PromptVersion: t.GetPromptVersion(), DescriptionCut: t.GetDescriptionCut(),
		}
	}
}

// ownSummary returns a summary without what shows that work was shared.
func ownSummary(ctx context.Context, s *credenzav1.Summary) *credenzav1.Summary {
	if seesAll(ctx) {
		return s
	}
	return &credenzav1.Summary{
		Total: s.GetTotal(), Succeeded: s.GetSucceeded(), Failed: s.GetFailed(),
		FailuresByReason: s.GetFailuresByReason(), Elapsed: s.GetElapsed(),
	}
}

// maxBatchBytes is the most that the results of one message take: clients take 4 MiB
// unless they are told otherwise. A single result that is larger goes alone.
const maxBatchBytes = 1 << 20

// batches returns what a batch is to its caller. One with too many bytes comes in parts,
// of which each has the progress up to its last result.
func batches(ctx context.Context, b *credenzav1.Batch) []*credenzav1.Batch {
	hideShared(ctx, b.GetResults()...)
	if proto.Size(b) <= maxBatchBytes {
		return []*credenzav1.Batch{b}
	}
	var parts []*credenzav1.Batch
	rest := b.GetResults()
	done, failed := b.GetProgress().GetDone()-int64(len(rest)), b.GetProgress().GetFailed()-countFailed(rest)
	for len(rest) > 0 {
		n := 1
		for size := proto.Size(rest[0]); n < len(rest); n++ {
			if size += proto.Size(rest[n]); size > maxBatchBytes {
				break
			}
		}
		done, failed = done+int64(n), failed+countFailed(rest[:n])
		parts = append(parts, &credenzav1.Batch{
			BatchId: b.GetBatchId(), ProcessingType: b.GetProcessingType(), Timestamp: b.GetTimestamp(), Results: rest[:n],
			Progress: &credenzav1.Progress{Done: done, Failed: failed, Total: b.GetProgress().GetTotal()},
		})
		rest = rest[n:]
	}
	return parts
}

func countFailed(results []*credenzav1.ItemResult) (n int64) {
	for _, r := range results {
		if r.GetError() != nil {
			n++
		}
	}
	return n
}
