package prompt

import (
	_ "embed" // for the instructions
	"strings"

	"github.com/credenza-dev/credenza/internal/taxonomy"
)

//go:embed instructions.txt
var instructions string

// shape shows the answer's form in words, for servers that take no schema or
// take one and ignore it.
const shape = `The object has exactly these keys, in this order:
{"category": "...", "confidence": 0.0, "primary_style": "...", "secondary_style": null, "style_tags": ["...", "...", "..."], "placement_tags": ["...", "..."], "reasoning": "..."}
`

// systemText is the fixed part of every question.
func systemText(tax *taxonomy.Taxonomy) string {
	var b strings.Builder
	b.WriteString(instructions)
	b.WriteString(shape)
	b.WriteString("\nCATEGORIES\n")
	for i := range tax.Categories {
		c := &tax.Categories[i]
		line(&b, c.Name, c.Description)
		detail(&b, "usual places", c.Placements)
	}
	if tax.Fallback != "" {
		b.WriteString("The category for everything else is " + tax.Fallback + ".\n")
	}
	b.WriteString("\nSTYLES\n")
	for i := range tax.Styles {
		s := &tax.Styles[i]
		line(&b, s.Name, s.Description)
		detail(&b, "keywords", s.Keywords)
		detail(&b, "colours", s.Palette)
		detail(&b, "tags", s.Tags)
	}
	return b.String()
}

func line(b *strings.Builder, name, description string) {
	b.WriteString("- ")
	b.WriteString(name)
	if description = strings.Join(strings.Fields(description), " "); description != "" {
		b.WriteString(": ")
		b.WriteString(description)
	}
	b.WriteByte('\n')
}

func detail(b *strings.Builder, what string, words []string) {
	if len(words) == 0 {
		return
	}
	b.WriteString("  ")
	b.WriteString(what)
	b.WriteString(": ")
	b.WriteString(strings.Join(words, ", "))
	b.WriteByte('\n')
}
