package prompt

import "strings"

// PlainSchema returns the schema in the plainest dialect, for servers that refuse lists of
// types, null and additionalProperties (Gemini, some grammars): no secondary style is an
// empty text there.
func (p *Prompt) PlainSchema() string {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{`)
	b.WriteString(`"category":{"type":"string","enum":[` + quoted(p.categories.list) + `]},`)
	b.WriteString(`"confidence":{"type":"number"},`)
	b.WriteString(`"primary_style":{"type":"string","enum":[` + quoted(p.styles.list) + `]},`)
	b.WriteString(`"secondary_style":{"type":"string"},`)
	b.WriteString(`"style_tags":{"type":"array","items":{"type":"string"}},`)
	b.WriteString(`"placement_tags":{"type":"array","items":{"type":"string"}},`)
	b.WriteString(`"reasoning":{"type":"string"}},`)
	b.WriteString(`"required":["category","confidence","primary_style","style_tags","placement_tags","reasoning"]}`)
	return b.String()
}
