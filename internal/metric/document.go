package metric

import (
	"fmt"
	"strings"
)

const head = `# Metrics

<!-- Written by "make generate" from internal/metric: change it there. -->

` + "`GET /metrics`" + ` on the HTTP address shows these in the format of Prometheus. It needs no token. ` + "`deploy/grafana`" + ` has a
dashboard and ` + "`deploy/alerts`" + ` has rules for them. Series that have counted nothing yet, such as that of an error which has not
occurred, may be absent.

`

// Document returns docs/metrics.md.
func Document() string {
	var b strings.Builder
	b.WriteString(head)
	for i, s := range Sections() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "## %s\n\n", s.Title)
		if s.Intro != "" {
			b.WriteString(s.Intro + "\n\n")
		}
		b.WriteString("| metric | type | meaning | labels |\n|---|---|---|---|\n")
		for _, m := range s.Metrics {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, m.Help, describeLabels(m.Labels))
		}
	}
	return b.String()
}

func describeLabels(labels []Label) string {
	var all []string
	for _, l := range labels {
		all = append(all, fmt.Sprintf("`%s`: %s", l.Name, l.Values))
	}
	return strings.Join(all, "<br>")
}
