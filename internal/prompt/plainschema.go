package prompt

import "strings"

// PlainSchema returns the schema in the plainest dialect, for servers that refuse lists of
// types, null and additionalProperties (Gemini, some grammars): no secondary style is an
// empty text there, or is left out.
func (p *Prompt) PlainSchema() string {
	list := properties(p.categories.list, p.styles.list)
	var members, required []string
	for _, m := range list {
		if m.name == "secondary_style" {
			m.schema = `{"type":"string"}`
		} else {
			required = append(required, m.name)
		}
		members = append(members, `"`+m.name+`":`+m.schema)
	}
	return `{"type":"object","properties":{` + strings.Join(members, ",") + `},"required":[` + quoted(required) + `]}`
}
