package lexicon_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

// clothes has names only, and words that the grammar would take for its own.
const clothes = `
product_words: [slim fit, high]
categories:
  - name: JEANS
  - name: BED_LINEN
  - name: OTHER
`

// kitchen has foreign words of its own.
const kitchen = `
version: 1
fallback: REST
foreign: [camping, doll]
categories:
  - {name: STOVES, description: Stoves., terms: [stove], placements: [kitchen, hall]}
  - {name: MUGS, description: Mugs., terms: [mug], native: [camping], placements: [kitchen, hall]}
  - {name: REST, description: The rest., placements: [anywhere, elsewhere]}
` + styles

// own returns a classifier for a user's own file.
func own(t *testing.T, file string) *lexicon.Classifier {
	t.Helper()
	parsed, err := taxonomy.Parse("own.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	c, err := lexicon.New(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOwnTaxonomy(t *testing.T) {
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
		{"a foreign word of one's own", kitchen, "Camping stove", "REST"},
		{"and a native one", kitchen, "Camping mug", "MUGS"},
		{"only where it is native", kitchen, "Doll mug", "REST"},
		{"no foreign words", textiles, "Dog cushion", "CUSHIONS"},
		{"folded letters", german, "Nahtisch Eiche", "TISCHE"},
		{"letters with marks", german, "Blaue STÜHLE", "STUEHLE"},
		{"another alphabet", russian, "Белый СТУЛ", "CHAIRS"},
		{"a name in place of terms", clothes, "Blue jeans", "JEANS"},
		{"a name of two words", clothes, "Striped bedlinen", "BED_LINEN"},
		{"the fallback's name names nothing", clothes, "Jeans for other sizes", "JEANS"},
		{"a word of the grammar in a product", clothes, "Slim fit jeans", "JEANS"},
		{"the same word as grammar", clothes, "Fit for jeans", "OTHER"},
		{"no fallback, and an accessory", german, "Sessel cushion", "STUEHLE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := own(t, test.file).Classify(&catalog.Item{Name: test.text}); got.Category != test.want {
				t.Errorf("category %s, want %s: %s", got.Category, test.want, got.Reasoning)
			}
		})
	}
}

func TestOwnTaxonomy_NoStyles(t *testing.T) {
	got := own(t, clothes).Classify(&catalog.Item{Name: "Slim fit jeans", Styles: []string{"modern"}})
	want := catalog.Classification{
		Category: "JEANS", Confidence: got.Confidence, ConfidenceSource: catalog.FromLexicon,
		PlacementTags: []string{}, Evidence: catalog.EvidenceText,
		Reasoning:    `The head noun of the name is "jeans", which is JEANS.`,
		Alternatives: []catalog.Alternative{{Category: "JEANS", Probability: got.Confidence}, {Category: "OTHER", Probability: 1 - got.Confidence}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
	if got.Confidence < 0.9 {
		t.Errorf("confidence %.2f of a name that is a term", got.Confidence)
	}
}

func TestOwnTaxonomy_NoFallback(t *testing.T) {
	c := own(t, german)
	got := c.Classify(&catalog.Item{Name: "Lampe"})
	if want := "No known word says what it is, so TISCHE is a guess. No word points to a style; PLAIN is the default."; got.Reasoning != want {
		t.Errorf("reasoning %q, want %q", got.Reasoning, want)
	}
	if got.Confidence != 0.5 {
		t.Errorf("confidence %v of one among two, want 0.5", got.Confidence)
	}
}

func TestOwnTaxonomy_UnknownHeadWithoutFallback(t *testing.T) {
	c := own(t, german)
	plain := c.Classify(&catalog.Item{Name: "tisch"})
	var doubted catalog.Classification
	for range 20 { // a doubt must not outlast its item
		doubted = c.Classify(&catalog.Item{Name: "tisch tennis"})
		if again := c.Classify(&catalog.Item{Name: "tisch"}); again.Confidence != plain.Confidence {
			t.Fatalf("confidence %.2f, at first %.2f", again.Confidence, plain.Confidence)
		}
	}
	if plain.Confidence < 0.9 || doubted.Confidence >= 0.5 {
		t.Errorf("confidences %.2f and %.2f, want the second under 0.5", plain.Confidence, doubted.Confidence)
	}
}
