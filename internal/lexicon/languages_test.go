package lexicon_test

import (
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/lexicon"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

func TestLanguages_NounsDecide(t *testing.T) {
	c, _ := classifier(t)
	for name, want := range map[string]string{
		// German: the last part of a compound, and the last noun of a phrase.
		"Nachttischlampe":                "LIGHTING",
		"Schreibtischlampe schwarz":      "LIGHTING",
		"Schreibtisch Eiche":             "DESK",
		"Zweisitzer-Sofa Leinen":         "SOFA",
		"Kleiderschrank 3-türig":         "STORAGE",
		"BÜROSTUHL ERGONOMISCH":          "CHAIR",
		"Sofabezug grau":                 "OTHER",
		"Bezug für Sofa":                 "OTHER",
		"Esstisch mit 4 Stühlen":         "TABLE",
		"Set aus Tisch und 2 Stühlen":    "TABLE",
		"Kommode mit 3 Schubladen":       "STORAGE",
		"Tisch, klappbar, mit Schublade": "TABLE",
		"Barhocker höhenverstellbar":     "STOOL",
		"Nachttisch Eiche":               "NIGHTSTAND",
		"Gartenbank aus Teakholz":        "BENCH",
		"Hundebett grau":                 "OTHER",
		"Bilderrahmen schwarz 30x40":     "DECOR",
		"Polsterhocker Samt":             "OTTOMAN",
		"Boxspringbett 180x200 cm":       "BED",
		// French: the first noun.
		"lampe de bureau":             "LIGHTING",
		"Bureau d’angle en chêne":     "DESK",
		"Canapé d'angle 5 places":     "SOFA",
		"Chaise de salle à manger":    "CHAIR",
		"Table basse ronde":           "TABLE",
		"Housse pour canapé 3 places": "OTHER",
		"Lit coffre 160x200":          "BED",
		"Lot de 2 chaises noires":     "CHAIR",
		"Table de chevet blanche":     "NIGHTSTAND",
		"Tabouret de bar":             "STOOL",
		"Miroir rond doré":            "DECOR",
		"Banc d'entrée":               "BENCH",
		"Pouf coffre velours":         "OTTOMAN",
		"Meuble TV scandinave":        "STORAGE",
		// Others, briefly.
		"Lámpara de pie":       "LIGHTING",
		"Divano letto":         "SOFA",
		"Tweezitsbank":         "SOFA",
		"Soffbord ek":          "TABLE",
		"Krzesło tapicerowane": "CHAIR",
		"Criado-mudo":          "NIGHTSTAND",
		// Letters of the language, and words that English has too.
		"Lampa wisząca":             "LIGHTING",
		"Biurko narożne":            "DESK",
		"Narożnik z funkcją spania": "SOFA",
		"Estantería Nordic":         "STORAGE",
		"Silla gaming":              "CHAIR",
		"Gaming-Schreibtisch":       "DESK",
		// English, with words of other languages in it.
		"Chaise longue":         "SOFA",
		"Bureau with 3 drawers": "DESK",
		"Fauteuil in linen":     "CHAIR",
		"Regal sofa in grey":    "SOFA",
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Classify(&catalog.Item{Name: name})
			if got.Category != want || got.Confidence < review {
				t.Errorf("%s with %.2f, want %s: %s", got.Category, got.Confidence, want, got.Reasoning)
			}
		})
	}
}

// A word that looks like a noun of a known language says nothing about a text in an
// unknown one.
func TestLanguages_UnknownNeedsReview(t *testing.T) {
	c, _ := classifier(t)
	for name, description := range map[string]string{
		"布艺双人沙发": "", "実木 sofa テーブル": "", "Диван IKEA sofa": "", "كنبة زاوية": "", "Üçlü koltuk": "", "Noční stolek bed": "",
		"Betræk til sofa": "", "Kanepe örtüsü ve sofa": "", "Husă pentru canapea": "", "Kirjahylly ja sofa": "", "ספה lamp": "",
		"Nora": "Potah na sofa pro obývací pokoj", "καναπές sofa": "", "소파 bed": "",
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Classify(&catalog.Item{Name: name, Description: description})
			if got.Confidence >= review {
				t.Errorf("%s with %.2f: %s", got.Category, got.Confidence, got.Reasoning)
			}
		})
	}
}

func TestLanguages_ReasonsNameThem(t *testing.T) {
	c, _ := classifier(t)
	for name, want := range map[string]string{
		"Nachttischlampe":   `Read as German. The head noun of the name is "lampe", which is LIGHTING.`,
		"Podsedák na židli": "The text seems to be in a language that the offline classifier has no words for.",
	} {
		if got := c.Classify(&catalog.Item{Name: name}).Reasoning; !strings.Contains(got, want) {
			t.Errorf("reasoning %q does not say %q", got, want)
		}
	}
}

// Without terms in other languages, a taxonomy's plain list may be in any language.
func TestLanguages_PlainTerms(t *testing.T) {
	plain, err := taxonomy.Parse("f.yaml", []byte("categories:\n  - {name: SHOES, terms: [schuh]}\n  - {name: OTHER}\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := lexicon.New(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Classify(&catalog.Item{Name: "Schuh für den Winter mit Futter"}); got.Category != "SHOES" {
		t.Errorf("%s: %s", got.Category, got.Reasoning)
	}
}

func TestClassify_ReadsVisibleTextOnly(t *testing.T) {
	c, _ := classifier(t)
	for name, test := range map[string]struct {
		item catalog.Item
		want string
	}{
		"tags":          {catalog.Item{Name: "Nora 2S", Description: `<table class="desk"><tr><td>Width</td></tr></table>`}, "OTHER"},
		"escaped":       {catalog.Item{Name: "Nora 2S", Description: `&lt;table&gt;&lt;td&gt;Width&lt;/td&gt;`}, "OTHER"},
		"cells":         {catalog.Item{Name: "Nora", Description: `<table><tr><td>Seats</td><td>two-seat sofa</td></tr></table>`}, "SOFA"},
		"scripts":       {catalog.Item{Name: "Nora", Description: `<style>.sofa{}</style><script>var bed</script><p>Floor lamp</p>`}, "LIGHTING"},
		"zero width":    {catalog.Item{Name: "s\u200bo\u200bf\u200ba"}, "SOFA"},
		"full width":    {catalog.Item{Name: "Ｔｗｏ－ｓｅａｔ　ｓｏｆａ"}, "SOFA"},
		"decorated":     {catalog.Item{Name: "𝐒𝐎𝐅𝐀"}, "SOFA"},
		"quoted series": {catalog.Item{Name: "Sofa &quot;Nora&quot; &#8211; 2&nbsp;seats"}, "SOFA"},
		"parts that are named, and a product that is described": {catalog.Item{
			Name: "Old Drawers", Description: "<p>Old wooden chest of drawers</p>",
		}, "STORAGE"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Classify(&test.item)
			if got.Category != test.want || (got.Confidence < review) != (test.want == "OTHER") {
				t.Errorf("%s with %.2f: %s", got.Category, got.Confidence, got.Reasoning)
			}
		})
	}
}
