package lexicon_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/lexicon"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func classifier(t testing.TB) (*lexicon.Classifier, *taxonomy.Taxonomy) {
	t.Helper()
	furniture, err := taxonomy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	c, err := lexicon.New(furniture)
	if err != nil {
		t.Fatal(err)
	}
	return c, furniture
}

func TestClassify_HeadNounDecides(t *testing.T) {
	c, _ := classifier(t)
	for name, want := range map[string]string{
		// Every category, plainly.
		"Elm Grove three-seater sofa":       "SOFA",
		"Halden wingback armchair, moss":    "CHAIR",
		"Kestrel king-size bed frame":       "BED",
		"Oval dining table in smoked oak":   "TABLE",
		"Pair of nightstands, ash":          "NIGHTSTAND",
		"Counter stools, set of 4":          "STOOL",
		"Five-drawer dresser":               "STORAGE",
		"Corner desk for the study":         "DESK",
		"Slatted garden bench":              "BENCH",
		"Knitted pouf":                      "OTTOMAN",
		"Opal glass pendant":                "LIGHTING",
		"Arched wall mirror":                "DECOR",
		"Goose-down duvet":                  "OTHER",
		"Quince":                            "OTHER",
		"Sofá cama de 2 plazas, sofa bed":   "SOFA",
		"ARMLEHNENSTUHL / ARMCHAIR":         "CHAIR",
		"Étagère in brass":                  "STORAGE",
		"Children's desk":                   "DESK",
		"The lamp that reads with you":      "LIGHTING",
		"Bookshelves, two of them":          "STORAGE",
		"Rolling book shelf":                "STORAGE",
		"Chest of six drawers":              "STORAGE",
		"Night stand w/ drawer":             "NIGHTSTAND",
		"Walnut TV-stand up to 65\"":        "STORAGE",
		"Footstool for the reading chair":   "OTTOMAN",
		"Jute runner 80x300 cm":             "DECOR",
		"Coir doormat":                      "DECOR",
		"Cot bed with drawer":               "BED",
		"Chaise longue, left-hand facing":   "SOFA",
		"Table runner":                      "OTHER",
		"Rattan hanging chair":              "CHAIR",
		"Two-tier plant stand":              "DECOR",
		"Sleeper sofa with queen mattress":  "SOFA",
		"Memory foam mattress for cot beds": "OTHER",

		// What it has, and what it is for, is not what it is.
		"Bed with storage":                             "BED",
		"Sofa with two cushions and a footstool":       "SOFA",
		"Bench with coat rack":                         "BENCH",
		"Desk with bookcase and lamp":                  "DESK",
		"Lamp for bedside tables":                      "LIGHTING",
		"Wardrobe without mirror":                      "STORAGE",
		"Mirror with shelf":                            "DECOR",
		"Cabinet for a vintage lamp collection":        "STORAGE",
		"Wide table, with bench and 2 stools":          "TABLE",
		"Armchair by the window seat, with its pillow": "CHAIR",
		"Frame with shelves":                           "STORAGE",
		"Set of 2 bar stools":                          "STOOL",
		"Combination with drawers and a glass cabinet": "STORAGE",

		// Compounds: the last noun.
		"Desk lamp":               "LIGHTING",
		"Lamp table":              "TABLE",
		"Table lamp":              "LIGHTING",
		"Sofa table":              "TABLE",
		"TV bench":                "STORAGE",
		"Bed bench":               "BENCH",
		"Desk chair":              "CHAIR",
		"Storage ottoman":         "OTTOMAN",
		"Mirror cabinet":          "STORAGE",
		"Cabinet mirror":          "DECOR",
		"Vanity stool":            "STOOL",
		"Bar cabinet":             "STORAGE",
		"Corner sofa-bed":         "SOFA",
		"Coffee table tray":       "OTHER",
		"Bedside lamp":            "LIGHTING",
		"Shoe bench":              "BENCH",
		"Floor lamp base":         "LIGHTING",
		"Sofa section, left":      "SOFA",
		"Tealight holder":         "DECOR",
		"Bed side table in white": "NIGHTSTAND",

		// Parts and accessories.
		"Chair pad":                          "OTHER",
		"Sofa cover":                         "OTHER",
		"Cover for 3-seat sofa":              "OTHER",
		"Cover 3-seat sofa":                  "OTHER",
		"Sofa legs, tapered":                 "OTHER",
		"Legs for a 2-seat sofa":             "OTHER",
		"Replacement gas lift, office chair": "OTHER",
		"Dresser knob, brass":                "OTHER",
		"Bed slats":                          "OTHER",
		"Headboard for queen bed":            "OTHER",
		"Bedside table organizer":            "OTHER",
		"Patio furniture cover":              "OTHER",
		"Table top 120x60":                   "OTHER",
		"Duvet cover, king bed":              "OTHER",
		"Couch connector brackets, 4 pcs":    "OTHER",

		// What describes the whole is no part of it.
		"Side table round glass top":           "TABLE",
		"Corner sofa 5-seat":                   "SOFA",
		"Wardrobe 3 doors":                     "STORAGE",
		"Teak Bench (King Bed Size)":           "BENCH",
		"Dune Chair (Linen Lamp Shade Colour)": "CHAIR",
		"Light oak chair":                      "CHAIR",
		"Built-in wardrobe":                    "STORAGE",

		// One or the other, and one with the other.
		"Desk and table lamp":            "LIGHTING",
		"Ceiling/wall lamp":              "LIGHTING",
		"Table and 4 chairs":             "TABLE",
		"Chair & ottoman":                "CHAIR",
		"Dining and side tables":         "TABLE",
		"Bookcase/display cabinet":       "STORAGE",
		"Black & white accent chair":     "CHAIR",
		"Quilt cover and 2 pillow cases": "OTHER",

		// Prepositions, brackets and lists.
		"Trio of stools, table":             "STOOL",
		"Duvet cover king bed":              "OTHER",
		"Set of chairs, table":              "CHAIR",
		"Mirror without shelf":              "DECOR",
		"Shelf clip-on lamp":                "LIGHTING",
		"Maple, king bed size, bench":       "BENCH",
		"Accent table round mirror top":     "TABLE",
		"Chair seat":                        "OTHER",
		"Arlo (2023 sofa range) bench":      "BENCH",
		"Mirror for hall, desk, desk, hall": "DECOR",

		// Long titles: the first phrases are about the product.
		"Velora Bar Stools Set of 2, Swivel Counter Chairs with Back for Kitchen Island, Pub, Table or Desk, Grey": "STOOL",
		"Office Chair, Ergonomic Desk Chair with Footrest, Lumbar Pillow, for Home Office, Bedroom Desk":           "CHAIR",
		"Orrin | Storage Ottoman | Foldable Foot Rest with Tray, Toy Chest, Coffee Table for Living Room":          "OTTOMAN",
		"Side Table for Sofa, C-Shaped End Table with Wheels, Laptop Table for Couch and Bed":                      "TABLE",
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.Classify(&catalog.Item{Name: name}); got.Category != want {
				t.Errorf("category %s, want %s: %s", got.Category, want, got.Reasoning)
			}
		})
	}
}

func TestClassify_EveryField(t *testing.T) {
	c, _ := classifier(t)
	for _, test := range []struct {
		name string
		item catalog.Item
		want string
	}{
		{"the type says more than the name", catalog.Item{Name: "Desk buddy", Type: "Table lamp"}, "LIGHTING"},
		{"the name says more than the description", catalog.Item{
			Name: "Oslo bench", Description: "Put it beside the sofa, the bed or the table.",
		}, "BENCH"},
		{"the description's first phrase", catalog.Item{Name: "Ruffo", Description: "Armchair, 80x90 cm"}, "CHAIR"},
		{"prose that points to the product", catalog.Item{
			Name: "Ruffo", Description: "Made to last. This generous sofa goes with any table or chair.",
		}, "SOFA"},
		{"this product, against hints", catalog.Item{
			Description: "Solid work. This desk has lumbar, backrest, armrest and head rest.",
		}, "DESK"},
		{"the product, as an object", catalog.Item{Description: "You can fold the chair."}, "CHAIR"},
		{"many hints are less than a name", catalog.Item{
			Name: "Ruffo bench", Description: "Dimmable and lumen and watt and kelvin and halogen and glare and e27 and e14 and gu10.",
		}, "BENCH"},
		{"a known type and another name", catalog.Item{Type: "Bench", Name: "Pillow"}, "BENCH"},
		{"prose that gives hints only", catalog.Item{
			Name: "Ruffo", Description: "Dimmable, 800 lumen. Light bulb sold separately.",
		}, "LIGHTING"},
		{"what is sold separately is not the product", catalog.Item{
			Name: "Ruffo", Description: "Sofa and table are sold separately. The chair can be folded.",
		}, "CHAIR"},
		{"parts in prose belong to the product", catalog.Item{
			Name: "Ruffo", Description: "Wardrobe. The doors close softly. The legs are adjustable. The handles are brass.",
		}, "STORAGE"},
		{"the current category, by its name", catalog.Item{Name: "Ruffo", Category: "nightstand"}, "NIGHTSTAND"},
		{"the current category, by its path", catalog.Item{Name: "Ruffo", Category: "Home > Beds & sofas > Ottomans"}, "OTTOMAN"},
		{"a good name beats the current category", catalog.Item{Name: "Ruffo desk", Category: "CHAIR"}, "DESK"},
		{"tags", catalog.Item{Name: "Ruffo", Tags: []string{"new", "rug"}}, "DECOR"},
		{"attributes that name the kind", catalog.Item{
			Name: "Ruffo", Attributes: map[string]string{"Product type": "Bar stool", "note": "sofa"},
		}, "STOOL"},
		{"other attributes", catalog.Item{Name: "Ruffo", Attributes: map[string]string{"note": "sofa"}}, "SOFA"},
		{"addresses, prices and ids say nothing", catalog.Item{
			ID: "sofa", Name: "Ruffo", PriceRange: "sofa", ProductURL: "https://shop.example/sofa", ImageURL: "sofa.jpg",
		}, "OTHER"},
		{"a type that is not known", catalog.Item{Type: "Zither", Description: "Store it on a shelf."}, "OTHER"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := c.Classify(&test.item); got.Category != test.want {
				t.Errorf("category %s, want %s: %s", got.Category, test.want, got.Reasoning)
			}
		})
	}
}

func TestStyles(t *testing.T) {
	c, _ := classifier(t)
	for _, test := range []struct {
		name      string
		item      catalog.Item
		primary   string
		secondary string
		reason    string
	}{
		{"modern", catalog.Item{Name: "Sleek chrome bar stool, minimalist"}, "MODERN", "", `"sleek"`},
		{"japandi", catalog.Item{Name: "Tatami bed, wabi-sabi"}, "JAPANDI", "", `"tatami"`},
		{"bohemian", catalog.Item{Name: "Boho macrame wall hanging with fringe"}, "BOHEMIAN", "", `"boho"`},
		{"scandinavian", catalog.Item{Name: "Nordic birch chair"}, "SCANDINAVIAN", "", `"nordic"`},
		{"rustic", catalog.Item{Name: "Farmhouse table, reclaimed wood"}, "RUSTIC", "", `"farmhouse"`},
		{"shabby chic", catalog.Item{Name: "Shabby-chic dresser, distressed white"}, "SHABBY_CHIC", "", `"shabby chic"`},
		{"coastal", catalog.Item{Name: "Nautical rope mirror, driftwood"}, "COASTAL", "", `"nautical"`},
		{"each keyword once", catalog.Item{Name: "Sleek chrome lamp, boho, boho, boho"}, "MODERN", "BOHEMIAN", `"sleek"`},
		{"in one word", catalog.Item{Name: "Handwoven Ruffo"}, "BOHEMIAN", "", `"handwoven"`},
		{"the shop's own word counts most", catalog.Item{
			Name: "Sleek chrome lamp", Styles: []string{"Coastal"},
		}, "COASTAL", "MODERN", `"coastal"`},
		{"a colour alone", catalog.Item{Name: "Teal lamp"}, "BOHEMIAN", "", `colour "teal" alone`},
		{"nothing", catalog.Item{Name: "Lamp"}, "MODERN", "", "No word points to a style"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := c.Classify(&test.item)
			if got.PrimaryStyle != test.primary || got.SecondaryStyle != test.secondary {
				t.Errorf("styles %q and %q, want %q and %q", got.PrimaryStyle, got.SecondaryStyle, test.primary, test.secondary)
			}
			if !strings.Contains(got.Reasoning, test.reason) {
				t.Errorf("reasoning %q does not say %s", got.Reasoning, test.reason)
			}
		})
	}
}

func TestClassify_WholeClassification(t *testing.T) {
	c, _ := classifier(t)
	got := c.Classify(&catalog.Item{Name: "Sleek desk lamp for the library or kitchen"})
	want := catalog.Classification{
		Category: "LIGHTING", Confidence: got.Confidence, ConfidenceSource: catalog.FromLexicon,
		PrimaryStyle: "MODERN", StyleTags: []string{"sleek", "clean lines", "minimal", "uncluttered"},
		PlacementTags: []string{"kitchen", "living room", "bedroom"},
		Reasoning:     `The head noun of the name is "desk lamp", which is LIGHTING. Style MODERN for "sleek".`,
		Evidence:      catalog.EvidenceText,
		Alternatives:  []catalog.Alternative{{Category: "LIGHTING", Probability: got.Confidence}, {Category: "OTHER", Probability: 1 - got.Confidence}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
}

func TestStyles_SecondStyleAddsATag(t *testing.T) {
	c, _ := classifier(t)
	got := c.Classify(&catalog.Item{Name: "Sleek chrome lamp", Styles: []string{"coastal"}})
	want := []string{"coastal", "breezy", "natural fibre", "relaxed", "clean lines"}
	if diff := cmp.Diff(want, got.StyleTags); diff != "" {
		t.Error(diff)
	}
}

func TestStyles_AreNotHints(t *testing.T) {
	c, _ := classifier(t)
	want := c.Classify(&catalog.Item{Name: "800 lumen"})
	if got := c.Classify(&catalog.Item{Name: "800 lumen", Styles: []string{"lumen"}}); got.Confidence != want.Confidence {
		t.Errorf("confidence %v with a style, %v without", got.Confidence, want.Confidence)
	}
}

func TestClassify_AttributesSortedByKey(t *testing.T) {
	c, _ := classifier(t)
	attributes := map[string]string{"a": "sofa", "z": "bench, bench"}
	for i := range 20 {
		attributes[fmt.Sprint("key", i)] = "-"
	}
	for range 50 {
		if got := c.Classify(&catalog.Item{Attributes: attributes}); got.Category != "SOFA" {
			t.Fatalf("category %s, want SOFA: the first ones count", got.Category)
		}
	}
}

func TestReasoning(t *testing.T) {
	c, _ := classifier(t)
	for _, test := range []struct {
		name string
		item catalog.Item
		want string
	}{
		{"an accessory", catalog.Item{Name: "Sofa gasket"}, `In the name, "gasket" follows "sofa": a part or accessory, and so OTHER.`},
		{"an accessory by itself", catalog.Item{Type: "Gasket"}, `The head of the type is "gasket", a part or accessory, and so OTHER.`},
		{"hints", catalog.Item{Description: "800 lumen."}, `No head noun decides, but "lumen" in the description speaks for LIGHTING.`},
		{"a foreign word", catalog.Item{Name: "Dog bed"}, `In the name, "dog" is said of "bed", which makes it OTHER.`},
		{"an unknown head", catalog.Item{Name: "Table salt"}, `The last known noun of the name is "table", which is TABLE, but the unknown word after it may be the product.`},
		{"nothing known", catalog.Item{Name: "Ruffo"}, "No known word says what it is, so it falls to OTHER."},
		{"the current category", catalog.Item{Name: "Ruffo", Category: "BENCH"}, "Its current category is BENCH, and no word says otherwise."},
		{"a rival", catalog.Item{Name: "Ottoman, stool, stool"}, `OTTOMAN was near, for "ottoman" in the name.`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := c.Classify(&test.item).Reasoning; !strings.Contains(got, test.want) {
				t.Errorf("reasoning %q does not say %q", got, test.want)
			}
		})
	}
}

func TestConfidence_FollowsTheEvidence(t *testing.T) {
	c, _ := classifier(t)
	confidence := func(it catalog.Item) float64 { return c.Classify(&it).Confidence }
	plain := confidence(catalog.Item{Name: "Oak sofa", Type: "Sofa"})
	torn := confidence(catalog.Item{Name: "Ottoman, stool, stool"})
	hinted := confidence(catalog.Item{Description: "800 lumen."})
	unknown := confidence(catalog.Item{Name: "Ruffo"})
	if plain < 0.95 {
		t.Errorf("a plain sofa has confidence %.2f", plain)
	}
	for name, low := range map[string]float64{"two rivals": torn, "one hint": hinted, "nothing known": unknown} {
		if low > 0.8 {
			t.Errorf("%s: confidence %.2f, want it low", name, low)
		}
	}
}

func FuzzClassify(f *testing.F) {
	c, furniture := classifier(f)
	f.Add("Desk lamp", "Lighting", "Made of brass, 40x20 cm. Bulb sold separately.", "tag")
	f.Add("3/4-seat, & - w/o (", "'s", "’s . ! ( [ ｛ é ﬀ \u0301", "")
	f.Add("\xff\xfe sofa\x00", "İSTANBUL ẞ ß", strings.Repeat("shelves ", 300), "STÜHLE")
	f.Add("cover", "and & and / of of with", "this this the", "set of of set")
	f.Fuzz(func(t *testing.T, name, kind, description, tag string) {
		got := c.Classify(&catalog.Item{
			Name: name, Type: kind, Description: description, Category: tag, Styles: []string{tag}, Tags: []string{tag, name},
			Attributes: map[string]string{tag: kind},
		})
		if _, ok := furniture.Category(got.Category); !ok {
			t.Errorf("category %q is none", got.Category)
		}
		if _, ok := furniture.Style(got.PrimaryStyle); !ok {
			t.Errorf("style %q is none", got.PrimaryStyle)
		}
		if got.SecondaryStyle == got.PrimaryStyle {
			t.Error("the second style is the first")
		}
		if math.IsNaN(got.Confidence) || got.Confidence < 0 || got.Confidence > 1 {
			t.Errorf("confidence %v", got.Confidence)
		}
		checkAlternatives(t, &got)
		if n := len(got.StyleTags); n < 3 || n > 5 {
			t.Errorf("%d style tags", n)
		}
		if n := len(got.PlacementTags); n < 2 || n > 3 {
			t.Errorf("%d placement tags", n)
		}
		for _, s := range slices.Concat([]string{got.Reasoning}, got.StyleTags, got.PlacementTags) {
			if !utf8.ValidString(s) || s == "" {
				t.Errorf("%q is no text", s)
			}
		}
	})
}
