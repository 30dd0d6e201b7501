package metric_test

import (
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestDocument_IsTheCommittedPage fails if the catalogue was changed and the page was not:
// `make generate` writes it.
func TestDocument_IsTheCommittedPage(t *testing.T) {
	testkit.Golden(t, "../../../docs/metrics.md", metric.Document())
}

func TestSections_FollowTheRulesOfPrometheus(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range metric.Sections() {
		for _, m := range s.Metrics {
			if seen[m.Name] {
				t.Errorf("%s is listed twice", m.Name)
			}
			seen[m.Name] = true
			if strings.HasSuffix(m.Name, "_total") != (m.Type == metric.Counter) {
				t.Errorf("%s is a %s: counters, and nothing else, end in _total", m.Name, m.Type)
			}
			if m.Help == "" || strings.ContainsAny(m.Help, "\n|") || !strings.HasSuffix(m.Help, ".") {
				t.Errorf("%s has the help %q: give sentences without a line break or a bar", m.Name, m.Help)
			}
		}
	}
}
