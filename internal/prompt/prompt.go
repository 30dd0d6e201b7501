package prompt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// rendering must change with the text of AppendUser for the same item, which changes
// answers without changing the system text.
const rendering = "2"

// Prompt is the fixed part of all questions for one taxonomy, and reads replies. It is
// immutable and safe for concurrent use.
type Prompt struct {
	system   string
	schema   string
	version  string
	taxonomy string

	categories names
	styles     names
}

// New returns the prompt for a taxonomy. It is an error if the names of two categories or
// of two styles cannot be distinguished in a reply.
func New(tax *taxonomy.Taxonomy) (*Prompt, error) {
	if tax == nil || len(tax.Categories) == 0 {
		return nil, fmt.Errorf("the taxonomy is empty: give at least one category")
	}
	p := &Prompt{taxonomy: tax.Version}
	var err error
	if p.categories, err = newNames("categories", len(tax.Categories), func(i int) string { return tax.Categories[i].Name }); err != nil {
		return nil, err
	}
	if p.styles, err = newNames("styles", len(tax.Styles), func(i int) string { return tax.Styles[i].Name }); err != nil {
		return nil, err
	}
	list := properties(p.categories.list, p.styles.list)
	p.schema = schemaText(list)
	if p.system, err = systemText(tax, list); err != nil {
		return nil, err
	}
	p.version = digest(p.system, p.schema, rendering)
	return p, nil
}

// System returns the system text: the same bytes for every question.
func (p *Prompt) System() string { return p.system }

// Schema returns the JSON schema of an answer for strict structured outputs: all
// properties are required, no others allowed, and names are enums.
func (p *Prompt) Schema() string { return p.schema }

// Version returns 12 hexadecimal digits that change with every change of the questions.
func (p *Prompt) Version() string { return p.version }

// TaxonomyVersion returns the version of the taxonomy.
func (p *Prompt) TaxonomyVersion() string { return p.taxonomy }

// digest hashes parts. Moving a byte from one part to the next changes the result.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash returns no error
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// names are the allowed values of one property.
type names struct {
	list []string
	// folded has the names of list in the form that fold returns.
	folded []string
	// byFold finds a name however a reply spells it: see fold.
	byFold map[string]string
	// nested has the names that others begin with, such as BED if there is BEDDING.
	nested map[string]bool
}

func newNames(what string, n int, at func(int) string) (names, error) {
	ns := names{byFold: make(map[string]string, n), nested: map[string]bool{}}
	for i := range n {
		name := at(i)
		key := fold(name)
		if key == "" {
			return names{}, fmt.Errorf("%s: number %d has no name: give it one", what, i+1)
		}
		if first, taken := ns.byFold[key]; taken {
			return names{}, fmt.Errorf("%s: %q and %q differ in case, spaces, hyphens or underscores only: rename one", what, first, name)
		}
		ns.byFold[key] = name
		ns.list = append(ns.list, name)
		ns.folded = append(ns.folded, key)
	}
	for _, name := range ns.list {
		for _, longer := range ns.list {
			if longer != name && strings.HasPrefix(longer, name) {
				ns.nested[name] = true
			}
		}
	}
	return ns, nil
}

// find returns the taxonomy's spelling of s.
func (ns *names) find(s string) (string, bool) {
	name, ok := ns.byFold[s]
	if !ok {
		name, ok = ns.byFold[fold(s)]
	}
	if !ok {
		name, ok = ns.byFold[fold(around.ReplaceAllString(s, ""))]
	}
	return name, ok
}

// around matches what models write around a name: its number in the list, a label, marks.
var around = regexp.MustCompile(`^[^\pL\d]*(?:\d+[^\pL\d]+)?(?:(?i:category|style)\s*[:=][^\pL\d]*)?|[^\pL\d]+$`)

// fold returns the same text for all spellings of a name: "Shabby-Chic", "SHABBY CHIC"
// and "shabby_chic".
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '_' || r == '\t':
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, s)
}
