package lexicon

import (
	"fmt"
	"strings"
	"testing"
)

func TestScanner(t *testing.T) {
	marks := map[gap]string{gapBlank: "", gapHyphen: "-", gapTight: "/", gapAnd: "&", gapLoose: ",", gapClose: ")", gapOpen: "(", gapSentence: "."}
	for text, want := range map[string]string{
		"Two Chairs":                                 "two chair",
		"3-seat sofa, 200 x 90 cm":                   "seat sofa",
		"24 in x 36 in frame":                        "frame",
		"w/ drawers w/o legs":                        "w drawer w o leg",
		"sofa-bed (grey) new":                        "sofa -bed (grey )new",
		"floor/wall lamp":                            "floor /wall lamp",
		"bed + desk & lamp":                          "bed &desk &lamp",
		"chair - black":                              "chair ,black",
		"It rocks. Gently! Yes":                      "it rock .gently .yes",
		"children's men’s":                           "children men",
		"Étagère Ærø naïve ŁÓDŹ":                     "etagere aero naive lodz",
		"e\u0301te\u0301":                            "ete",
		"shelves benches boxes glass glasses bodies": "shelf bench box glass glass body",
		"стол（белый）":                                "стол (белый",
		"1.5 m² 4 pcs mat":                           "mat",
	} {
		t.Run(text, func(t *testing.T) {
			var words []string
			for s := (scanner{text: text}); ; {
				word, gap, ok := s.next()
				if !ok {
					break
				}
				words = append(words, marks[gap]+string(word))
			}
			if got := strings.Join(words, " "); got != want {
				t.Errorf("words %q, want %q", got, want)
			}
		})
	}
}

func TestGrammar_EachWordOnce(t *testing.T) {
	roles := map[string]role{}
	v := &vocabulary{}
	for r, list := range grammar {
		for _, text := range list {
			words := fmt.Sprint(v.split(text))
			if other, twice := roles[words]; twice && other != role(r) {
				t.Errorf("%q has the roles %d and %d", text, other, r)
			}
			roles[words] = role(r)
		}
	}
}
