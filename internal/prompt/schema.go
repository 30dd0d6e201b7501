package prompt

import (
	"encoding/json"
	"strings"
)

// SchemaName is the name of the schema, for servers that require one.
const SchemaName = "classification"

// property is one key of the answer.
type property struct{ name, schema, sample string }

const listSchema = `{"type":"array","items":{"type":"string"}}`

// properties returns the keys of the answer in its order. Without styles in the taxonomy,
// the model is not asked for any.
//
// The schemas keep to the part of JSON Schema that strict structured outputs accept
// for every model: no counts, bounds, formats or patterns. The system text asks for
// those, and Parse enforces them.
func properties(categories, styles []string) []property {
	list := []property{
		{"category", `{"type":"string","enum":[` + quoted(categories) + `]}`, `"..."`},
		{"confidence", `{"type":"number"}`, `0.0`},
	}
	if len(styles) > 0 {
		list = append(list,
			property{"primary_style", `{"type":"string","enum":[` + quoted(styles) + `]}`, `"..."`},
			property{"secondary_style", `{"type":["string","null"],"enum":[` + quoted(styles) + `,null]}`, `null`},
			property{"style_tags", listSchema, `["...", "...", "..."]`})
	}
	return append(list,
		property{"placement_tags", listSchema, `["...", "..."]`},
		property{"reasoning", `{"type":"string"}`, `"..."`})
}

// schemaText writes the schema by hand, because a map would lose the order of the
// properties, which is the order of the answer.
func schemaText(list []property) string {
	names, members := make([]string, len(list)), make([]string, len(list))
	for i, p := range list {
		names[i], members[i] = p.name, `"`+p.name+`":`+p.schema
	}
	return `{"type":"object","properties":{` + strings.Join(members, ",") + `},"required":[` + quoted(names) + `],"additionalProperties":false}`
}

// shape shows the answer in words, for servers that ignore the schema.
func shape(list []property) string {
	members := make([]string, len(list))
	for i, p := range list {
		members[i] = `"` + p.name + `": ` + p.sample
	}
	return "{" + strings.Join(members, ", ") + "}"
}

func quoted(names []string) string {
	list, err := json.Marshal(names)
	if err != nil {
		return "" // unreachable: strings always marshal
	}
	return strings.Trim(string(list), "[]")
}
