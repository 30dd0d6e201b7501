package table

import (
	"strings"

	"golang.org/x/net/html"
)

// sources are the attributes of a picture's tag that have its address, those first that have it
// while src has that of a placeholder.
var sources = []string{"data-src", "data-original", "data-lazy-src", "src", "data-srcset", "srcset"}

// withoutTags returns the address in the first tag of a picture in a cell, and the cell itself
// if it has none.
func withoutTags(v Value) Value {
	text := v.first()
	if strings.Contains(text, "&lt;img") {
		text = html.UnescapeString(text)
	}
	i := strings.Index(text, "<img")
	if i < 0 {
		return v
	}
	tokens := html.NewTokenizer(strings.NewReader(text[i:]))
	tokens.Next()
	found := map[string]string{}
	whole := "" // the first address of a data attribute of any other script
	for more := true; more; {
		var name, value []byte
		name, value, more = tokens.TagAttr()
		found[string(name)] = string(value)
		if whole == "" && strings.HasPrefix(string(name), "data-") {
			whole = firstAddress(string(value))
		}
	}
	if src := found["src"]; whole != "" && firstAddress(src) == "" && !looksLikeData(src) { // that of a placeholder
		found["src"] = whole
	}
	for _, name := range sources {
		address := strings.TrimSpace(found[name])
		if strings.HasSuffix(name, "srcset") { // with sizes behind the addresses
			address, _, _ = strings.Cut(address, " ")
		}
		if address != "" {
			return TextValue(address)
		}
	}
	return v
}
