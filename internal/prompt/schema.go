package prompt

import (
	"encoding/json"
	"strings"
)

// SchemaName names the schema to servers that want one named.
const SchemaName = "classification"

// schemaText writes the schema by hand, as the order of the properties is the
// order of the answer and a map would lose it.
//
// It keeps to the part of JSON Schema that strict structured outputs take for
// every model: no counts, bounds, formats or patterns. Those are asked for in
// the system text and enforced by Parse.
func schemaText(categories, styles []string) string {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{`)
	b.WriteString(`"category":{"type":"string","enum":[` + quoted(categories) + `]},`)
	b.WriteString(`"confidence":{"type":"number"},`)
	b.WriteString(`"primary_style":{"type":"string","enum":[` + quoted(styles) + `]},`)
	b.WriteString(`"secondary_style":{"type":["string","null"],"enum":[` + quoted(styles) + `,null]},`)
	b.WriteString(`"style_tags":{"type":"array","items":{"type":"string"}},`)
	b.WriteString(`"placement_tags":{"type":"array","items":{"type":"string"}},`)
	b.WriteString(`"reasoning":{"type":"string"}},`)
	b.WriteString(`"required":["category","confidence","primary_style","secondary_style","style_tags","placement_tags","reasoning"],`)
	b.WriteString(`"additionalProperties":false}`)
	return b.String()
}

func quoted(names []string) string {
	list, err := json.Marshal(names)
	if err != nil {
		return "" // unreachable: strings always marshal
	}
	return strings.Trim(string(list), "[]")
}
