package prompt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

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
