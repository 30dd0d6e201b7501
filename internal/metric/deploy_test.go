package metric_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/metric"
)

const (
	alertsFile     = "../../deploy/alerts/credenza.yaml"
	alertTestsFile = "../../deploy/alerts/credenza_test.yaml"
	dashboardFile  = "../../deploy/grafana/credenza.json"
)

// panel is one of a dashboard's.
type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr string }
}

func dashboard(t *testing.T) (panels []panel) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []panel }
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d.Panels
}

// rule is an alerting rule.
type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	readYAML(t, alertsFile, &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

var (
	metricName  = regexp.MustCompile(`\b(?:credenza|grpc_server|process|go)_\w+`)
	matchedSet  = regexp.MustCompile(`\b((?:credenza|grpc_server|process|go)_\w+)\{([^}]*)\}`)
	matcherName = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"`)
	grouping    = regexp.MustCompile(`\b(?:by|on|without|ignoring) \(([^)]*)\)`)
)

// documented finds a metric in docs/metrics.md by the name of one of its series.
func documented(page, series string) *metric.Metric {
	for _, s := range metric.Sections() {
		for _, m := range s.Metrics {
			names := []string{m.Name}
			if m.Type == metric.Histogram {
				names = []string{m.Name + "_bucket", m.Name + "_sum", m.Name + "_count"}
			}
			if slices.Contains(names, series) && strings.Contains(page, "| `"+m.Name+"` |") {
				return m
			}
		}
	}
	return nil
}

// TestDeploy_NamesOnlyMetricsOfThePage reads every expression of the dashboard and the rules.
func TestDeploy_NamesOnlyMetricsOfThePage(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	expressions := map[string]string{}
	for _, p := range dashboard(t) {
		for i, target := range p.Targets {
			expressions[p.Title+" "+string(rune('A'+i))] = target.Expr
		}
	}
	for _, r := range rules(t) {
		expressions[r.Alert] = r.Expr
	}
	known := []string{"instance", "le"} // Prometheus gives these
	for _, s := range metric.Sections() {
		for _, m := range s.Metrics {
			known = append(known, m.LabelNames()...)
		}
	}
	for where, expr := range expressions {
		if !strings.HasPrefix(expr, "up{") && !metricName.MatchString(expr) {
			t.Errorf("%s names no metric: %s", where, expr)
		}
		for _, name := range metricName.FindAllString(expr, -1) {
			if documented(page, name) == nil {
				t.Errorf("%s: docs/metrics.md does not have %s", where, name)
			}
		}
		for _, set := range matchedSet.FindAllStringSubmatch(expr, -1) {
			for _, label := range matcherName.FindAllStringSubmatch(set[2], -1) {
				m := documented(page, set[1])
				if label[1] != "instance" && m != nil && !slices.Contains(m.LabelNames(), label[1]) {
					t.Errorf("%s: %s has no label %s", where, set[1], label[1])
				}
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(by[1], ", ") {
				if !slices.Contains(known, label) {
					t.Errorf("%s groups by %s, which no metric has", where, label)
				}
			}
		}
	}
}

// TestAlerts_EachIsTestedBothWays looks for a case in which a rule fires and one in which it
// does not; promtool plays them (`make lint-alerts`).
func TestAlerts_EachIsTestedBothWays(t *testing.T) {
	var file struct {
		Tests []struct {
			Cases []struct {
				Alertname string
				Expected  []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, alertTestsFile, &file)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Cases {
			fires[c.Alertname] = fires[c.Alertname] || len(c.Expected) > 0
			quiet[c.Alertname] = quiet[c.Alertname] || len(c.Expected) == 0
		}
	}
	all := rules(t)
	for _, r := range all {
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s: fires in a test: %v, does not in another: %v", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks a severity, a summary or a description", r.Alert)
		}
	}
	if len(all) < 6 {
		t.Errorf("there are %d rules", len(all))
	}
}

func TestDashboard_AnswersThreeQuestions(t *testing.T) {
	var rows []string
	ids := map[int]bool{}
	panels := dashboard(t)
	for i, p := range panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows = append(rows, p.Title)
		} else if len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		a := p.GridPos
		for _, other := range panels[:i] {
			b := other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q covers %q", p.Title, other.Title)
			}
		}
	}
	want := []string{"Is it healthy?", "What does it do?", "What does it cost, in calls and tokens?"}
	if !slices.Equal(rows, want) {
		t.Errorf("the rows are %q", rows)
	}
}
