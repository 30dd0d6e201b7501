package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestTraces_OfAJobAreOneOnAllReplicas has two replicas share a job that one of them is
// given.
func TestTraces_OfAJobAreOneOnAllReplicas(t *testing.T) {
	const items = 600
	collector := testkit.ServeCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20000")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	_, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Millisecond}})
	flags := []string{"--openai-base-url=" + model, "--max-workers=4", "--nats-url=" + nats(t).ClientURL()}
	client, endFirst := replica(t, &buffer{}, flags...)
	other, endSecond := replica(t, &buffer{}, flags...)
	ctx := within(t.Context(), sampled)
	job, err := client.SubmitJob(ctx, goods(items, nil), credenza.JobSpec{Name: "spring"})
	if err != nil {
		t.Fatal(err)
	}
	watch := other.Follow(t.Context(), credenza.JobPlace{JobID: job.ID})
	for _, err := range watch.Batches() {
		if err != nil {
			t.Fatal(err)
		}
	}
	endFirst()
	endSecond()
	created := named(collector, "credenza.v1.JobService/SubmitJob")
	if len(created) != 1 {
		t.Fatalf("%d calls created the job", len(created))
	}
	replicas := map[string]int{}
	for _, s := range collector.Spans() {
		if s.TraceID != callersTrace {
			continue // the watch has a trace of its own
		}
		switch s.GetName() {
		case "item":
			replicas[s.Process["service.instance.id"]]++
		case "job":
			if s.Attribute("credenza.job.id") != job.ID || !slices.Equal(s.GetParentSpanId(), created[0].GetSpanId()) {
				t.Errorf("the work on the job is %v", s)
			}
		}
	}
	n := 0
	for _, done := range replicas {
		n += done
	}
	if n != items || len(replicas) != 2 {
		t.Errorf("the trace has %d items, by replicas: %s", n, fmt.Sprint(replicas))
	}
}

// named returns the collected spans of a name.
func named(c *testkit.Collector, name string) (found []*testkit.CollectedSpan) {
	for _, s := range c.Spans() {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}
