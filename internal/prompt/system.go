package prompt

import (
	_ "embed" // for the instructions
	"strings"
	"text/template"

	"github.com/credenza-dev/credenza/internal/taxonomy"
)

//go:embed instructions.txt
var instructions string

var systemTemplate = template.Must(template.New("system").Funcs(template.FuncMap{
	"line":  func(text string) string { return strings.Join(strings.Fields(text), " ") },
	"words": func(words []string) string { return strings.Join(words, ", ") },
}).Parse(instructions))

// systemText returns the fixed part of every question.
func systemText(tax *taxonomy.Taxonomy, list []property) (string, error) {
	var b strings.Builder
	err := systemTemplate.Execute(&b, struct {
		*taxonomy.Taxonomy
		Shape string
	}{tax, shape(list)})
	return b.String(), err
}
