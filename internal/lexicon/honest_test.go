package lexicon_test

import (
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// review is the confidence under which a result needs review, unless set.
const review = 0.5

// TestUnknownHead_LowersConfidence has names whose last noun is unknown. OTHER is right,
// and every other answer must need review.
func TestUnknownHead_LowersConfidence(t *testing.T) {
	c, _ := classifier(t)
	for _, name := range []string{
		"Pendant necklace", "Light switch", "Table salt", "Gaming console", "Bed bug spray", "Storage hard drive",
		"Chest waders", "Stool softener", "Chest freezer", "Couch potato costume", "Chair yoga DVD", "Desk calendar 2027",
		"Desk fan", "Table wine", "Mirror dinghy", "Shelf elf", "Bench warmer jersey", "Plant fertilizer",
		"Candle wick trimmer", "Clock radio", "Carpet shampoo", "Wardrobe malfunction shirt", "Lamp oil", "Lantern fish",
		"Rocker switch", "Crib sheet", "Cradle cap shampoo", "Cot death monitor", "Runner beans", "Vase life extender",
		"Locker combination padlock", "Mirror film", "Picture hanging wire", "Throne room puzzle", "Dresser drawer sachets",
		"Sofa bed mattress", "Bedside commode", "Light saber", "Table tennis bats", "Rug tape", "Bookshelf speaker",
		"Bunk bed ladder", "King bed mattress topper", "table quiz", "OTTOMAN EMPIRE MAP", "Bench press bench",
		"Adjustable weight bench", "Couch grass seeds", "Desk jockey mug", "Futon monk sandals",
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Classify(&catalog.Item{Name: name})
			if got.Category != "OTHER" && got.Confidence >= review {
				t.Errorf("%s with %.2f: %s", got.Category, got.Confidence, got.Reasoning)
			}
		})
	}
}

// TestUnknownHead_SeriesAndColoursAfterTheNoun has words that shops write after
// the noun: a series, a colour, a size, a finish.
func TestUnknownHead_SeriesAndColoursAfterTheNoun(t *testing.T) {
	c, _ := classifier(t)
	for name, want := range map[string]string{
		"Bed MALVIK":                           "BED",
		"Wooden bench Talun":                   "BENCH",
		"Floor lamp Ystra black":               "LIGHTING",
		"Walnut nightstand Ilse":               "NIGHTSTAND",
		"Bar stool JONNA swivelling":           "STOOL",
		"Armchair upholstered":                 "CHAIR",
		"Office chair mesh adjustable":         "CHAIR",
		"Sofa cordless":                        "SOFA",
		"Oak bookcase narrow, VELD":            "STORAGE",
		"Standing desk electric":               "DESK",
		"Corner sofa left facing grey":         "SOFA",
		"Ottoman tufted":                       "OTTOMAN",
		"Round mirror 80 cm Sela":              "DECOR",
		"Bench 2 persons":                      "BENCH",
		"sofa xl":                              "SOFA",
		"Sideboard 3 doors":                    "STORAGE",
		"Desk X200":                            "DESK",
		"Dining table white Lorvik":            "TABLE",
		"Storage bench, entryway, cushioned":   "BENCH",
		"Media console walnut":                 "STORAGE",
		"Picture frame oak":                    "DECOR",
		"Metal platform frame queen":           "BED",
		"Loveseat recliner":                    "SOFA",
		"Sleeper chair":                        "SOFA",
		"Chair bed":                            "SOFA",
		"Bathroom vanity 36 inch with sink":    "STORAGE",
		"Highboard":                            "STORAGE",
		"Sofa with an unheard-of gizmo behind": "SOFA",
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Classify(&catalog.Item{Name: name})
			if got.Category != want || got.Confidence < 0.9 {
				t.Errorf("%s with %.2f, want %s and no doubt: %s", got.Category, got.Confidence, want, got.Reasoning)
			}
		})
	}
}

func TestForeignWords_MoveToTheFallback(t *testing.T) {
	c, _ := classifier(t)
	for name, want := range map[string]string{
		"Dog bed":                     "OTHER",
		"Dog's bed with storage":      "OTHER",
		"Cat chair":                   "OTHER",
		"Pet stool, non-slip":         "OTHER",
		"Orthopedic bed for dogs":     "OTHER",
		"Sofa for small cats, grey":   "OTHER",
		"Dollhouse wardrobe":          "OTHER",
		"Doll-house lamp":             "OTHER",
		"Toy desk":                    "OTHER",
		"Miniature armchair":          "OTHER",
		"Pet-friendly sofa":           "SOFA",
		"Sofa, dog proof":             "SOFA",
		"Sofa for pet-friendly homes": "SOFA",
		"Ceramic cat figurine":        "DECOR",
		"Mirror for cat print fans":   "DECOR",
		"Toy chest":                   "STORAGE",
		"Toy storage cabinet":         "STORAGE",
		"Vase for cats":               "DECOR",
		"Bed for kids and dogs":       "BED",
		"Bed with dog basket":         "BED",
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.Classify(&catalog.Item{Name: name}); got.Category != want {
				t.Errorf("category %s, want %s: %s", got.Category, want, got.Reasoning)
			}
		})
	}
}

func TestConfidence_OneHint(t *testing.T) {
	c, _ := classifier(t)
	for name, item := range map[string]catalog.Item{
		"in the name": {Name: "Frame"}, "in the type": {Type: "Frame"}, "in prose": {Description: "A frame."},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.Classify(&item); got.Confidence >= 0.85 {
				t.Errorf("%s with %.2f", got.Category, got.Confidence)
			}
		})
	}
}

// A second field that names the product outweighs an unknown word in the first.
func TestUnknownHead_TypeDecides(t *testing.T) {
	c, _ := classifier(t)
	got := c.Classify(&catalog.Item{Name: "Table salt", Type: "Side table"})
	if got.Category != "TABLE" || got.Confidence < 0.9 {
		t.Errorf("%s with %.2f", got.Category, got.Confidence)
	}
}

func TestUnknownHead_IgnoredInProse(t *testing.T) {
	c, _ := classifier(t)
	short := c.Classify(&catalog.Item{Description: "This sofa."})
	if got := c.Classify(&catalog.Item{Description: "This sofa gleams."}); got.Confidence != short.Confidence {
		t.Errorf("confidence %.2f with a verb that no list has, %.2f without", got.Confidence, short.Confidence)
	}
}

// The owner of the product before "for" does not own later products.
func TestForeignWords_OwnerOfOnePhrase(t *testing.T) {
	c, _ := classifier(t)
	want := c.Classify(&catalog.Item{Name: "Ruffo for Ute above a bench"})
	if got := c.Classify(&catalog.Item{Name: "Ruffo for dogs above a bench"}); got.Confidence != want.Confidence {
		t.Errorf("confidence %.3f, want %.3f", got.Confidence, want.Confidence)
	}
}
