package lexicon_test

import (
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/lexicon"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

const styles = `
styles:
  - {name: PLAIN, description: Plain., keywords: [plain], palette: [white], tags: [plain, quiet, bare]}
  - {name: GARDEN_PARTY, description: Gay., keywords: [floral], palette: [pink], tags: [gay, bright, light]}
`

// soft goods, of which the built-in file makes accessories.
const textiles = `
version: 1
fallback: MISC
categories:
  - {name: CUSHIONS, description: Cushions., terms: [cushion, pillow], placements: [sofa, bed]}
  - {name: COVERS, description: Covers., terms: [sofa cover, slipcover, cover], placements: [sofa, chair]}
  - {name: CURTAINS, description: Curtains., terms: [curtain, blind], hints: [block out], placements: [window, door]}
  - {name: MISC, description: The rest., terms: [gift set, set], placements: [anywhere, elsewhere]}
` + styles

// German nouns have their heads last too, and no fallback to fall to.
const german = `
version: 1
categories:
  - {name: TISCHE, description: Tische., terms: [tisch, couchtisch, "nähtisch"], placements: [küche, stube]}
  - {name: STUEHLE, description: "Stühle.", terms: [stuhl, stühle, sessel], placements: [küche, stube]}
` + styles

// Cyrillic has no ASCII to be folded to.
const russian = `
version: 1
categories:
  - {name: TABLES, description: Tables., terms: [стол], placements: [кухня, зал]}
  - {name: CHAIRS, description: Chairs., terms: [стул], placements: [кухня, зал]}
` + styles

func TestUsersOwnTaxonomy(t *testing.T) {
	for _, test := range []struct {
		name, file, text, want string
	}{
		{"an accessory may be a product", textiles, "Chair cushion, striped", "CUSHIONS"},
		{"a cover too", textiles, "Cover for cushions", "COVERS"},
		{"a head that the file does not know", textiles, "Curtain rod", "MISC"},
		{"nothing known", textiles, "Sofa", "MISC"},
		{"a unit may be a product", textiles, "Set, striped", "MISC"},
		{"but takes its kind from the word before it", textiles, "Cushion set", "CUSHIONS"},
		{"hints", textiles, "Linnea, block-out", "CURTAINS"},
		{"folded letters", german, "Nahtisch Eiche", "TISCHE"},
		{"letters with marks", german, "Blaue STÜHLE", "STUEHLE"},
		{"another alphabet", russian, "Белый СТУЛ", "CHAIRS"},
		{"no fallback, and an accessory", german, "Sessel cushion", "STUEHLE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			own, err := taxonomy.Parse("own.yaml", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			c, err := lexicon.New(own)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Classify(&catalog.Item{Name: test.text}); got.Category != test.want {
				t.Errorf("category %s, want %s: %s", got.Category, test.want, got.Reasoning)
			}
		})
	}
}

func TestNoFallbackIsAGuess(t *testing.T) {
	own, err := taxonomy.Parse("own.yaml", []byte(german))
	if err != nil {
		t.Fatal(err)
	}
	c, err := lexicon.New(own)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Classify(&catalog.Item{Name: "Lampe"})
	if want := "No known word says what it is, so TISCHE is a guess. No word points to a style; PLAIN is the default."; got.Reasoning != want {
		t.Errorf("reasoning %q, want %q", got.Reasoning, want)
	}
	if got.Confidence != 0.5 {
		t.Errorf("confidence %v of one among two, want 0.5", got.Confidence)
	}
}
