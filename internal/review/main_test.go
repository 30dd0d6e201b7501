package review_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Store in memory, of one job.
type memory struct {
	mu      sync.Mutex
	job     catalog.ReviewedJob
	results []catalog.Outcome // each at a place of its own, from 1 on
	changes []catalog.StoredChange
	reads   int    // of results
	lost    error  // of changes
	outrun  func() // is called once before a change is stored
}

func (m *memory) Reviewed(_ context.Context, _ catalog.Owner, id string) (catalog.ReviewedJob, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	job := m.job
	job.ID, job.Upload = id, "upload of "+id
	return job, nil
}

func (m *memory) ResultsAfter(_ context.Context, job catalog.ReviewedJob, after uint64, each func(uint64, int64, []catalog.Outcome) error) (catalog.ReviewedJob, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := int(after); i < len(m.results); i++ { //nolint:gosec // small numbers
		m.reads++
		if err := each(uint64(i+1), int64(i/100), m.results[i:i+1]); err != nil { //nolint:gosec // as above
			return job, err
		}
	}
	return job, nil
}

func (m *memory) Changes(_ context.Context, _ catalog.ReviewedJob, after uint64, each func(catalog.StoredChange) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.changes {
		if c.Place <= after {
			continue
		}
		if err := each(c); err != nil {
			return err
		}
	}
	return m.lost
}

func (m *memory) Correct(_ context.Context, _ catalog.ReviewedJob, after uint64, change *catalog.Change) (uint64, error) {
	if before := m.outrun; before != nil {
		m.outrun = nil
		before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if after != uint64(len(m.changes)) {
		return 0, nil
	}
	m.changes = append(m.changes, catalog.StoredChange{Change: *change, Place: after + 1})
	return after + 1, nil
}

func (m *memory) Pictures(context.Context, catalog.ReviewedJob, func(int64)) error { return nil }

func (m *memory) Rows(_ context.Context, _ catalog.ReviewedJob, places []catalog.ResultPlace) ([]string, [][]string, error) {
	return nil, make([][]string, len(places)), nil
}

// realistic are n results with as much text as those of a model have, one in a hundred of
// which has failed.
func realistic(n int) []catalog.Outcome {
	kinds, styles := []string{"SOFA", "BED", "CHAIR", "TABLE", "LAMP", "RUG"}, []string{"MODERN", "RUSTIC", "CLASSIC"}
	list := make([]catalog.Outcome, n)
	for i := range list {
		o := catalog.Outcome{Index: int64(i), ID: fmt.Sprintf("SKU-%07d", i*7919%n), Name: fmt.Sprintf("%s Nr. %d in oiled oak with a woven seat", strings.ToLower(kinds[i%6]), i)}
		if i%100 == 99 {
			o.Err = fault.New(fault.Refused, "the model refused to answer")
		} else {
			o.Classification = catalog.Classification{
				Category: kinds[i%6], Confidence: float64(i*31%1000) / 1000, ConfidenceSource: catalog.FromLogprobs, PrimaryStyle: styles[i%3],
				StyleTags: []string{"clean lines", "natural oak", "woven"}, PlacementTags: []string{"living room", "study"},
				Reasoning:   fmt.Sprintf("The name says that it is a %s, number %d; its oak and the woven seat, with visible joints and an oiled surface, suggest the style.", kinds[i%6], i),
				NeedsReview: i*31%1000 < 200, Evidence: catalog.EvidenceText,
				Alternatives: []catalog.Alternative{{Category: "SOFA", Probability: float64(i%97) / 97}, {Category: "BED", Probability: 0.1}, {Category: "RUG", Probability: 0.05}},
			}
		}
		o.Trace = catalog.Trace{Attempts: 1, Backend: "openai", Model: "gpt-4o-mini-2024-07-18", Latency: 1234567 * 100, QueueTime: 98765, Taxonomy: "0123456789ab", PromptVersion: "ba9876543210", Usage: catalog.Usage{Prompt: 1234, Completion: int64(80 + i%20)}}
		list[i] = o
	}
	return list
}
