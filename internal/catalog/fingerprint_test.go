package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/credenza-dev/credenza/internal/catalog"
)

var scope = catalog.NewScope("openai", "taxonomy", "prompt")

// asked is a fingerprint by each of the ways.
func asked(s catalog.Scope, it *catalog.Item, p *catalog.Picture) [3]catalog.Fingerprint {
	return [3]catalog.Fingerprint{s.OfText(it), s.OfAddress(it), s.OfPicture(it, p)}
}

var photo = &catalog.Picture{Data: []byte("photo"), MediaType: "image/jpeg"}

func TestEqualQuestionsHaveEqualFingerprints(t *testing.T) {
	chair := func() *catalog.Item {
		return &catalog.Item{
			ID: "1", Name: "Oak chair", Description: "Solid oak.", Styles: []string{"rustic", "plain"},
			Attributes: map[string]string{"colour": "brown", "room": "kitchen"}, ImageURL: "https://shop.example/1.jpg",
		}
	}
	for name, change := range map[string]func(*catalog.Item){
		"nothing":        func(*catalog.Item) {},
		"the id":         func(it *catalog.Item) { it.ID = "2" },
		"space around":   func(it *catalog.Item) { it.Name = "\t Oak chair\n"; it.ImageURL += " " },
		"space within":   func(it *catalog.Item) { it.Name = "Oak \u00a0\r\n chair" },
		"a blank field":  func(it *catalog.Item) { it.Type = "  "; it.Attributes["empty"] = "" },
		"an empty list":  func(it *catalog.Item) { it.Tags = []string{} },
		"a hidden mark":  func(it *catalog.Item) { it.Name = "\uFEFFOak \u00ADchair"; it.Type = "\uFEFF" },
		"its attributes": func(it *catalog.Item) { it.Attributes = maps.Clone(it.Attributes) },
	} {
		t.Run(name, func(t *testing.T) {
			it := chair()
			change(it)
			if asked(scope, it, photo) != asked(scope, chair(), photo) {
				t.Error("the fingerprints differ")
			}
		})
	}
	plain, pictured := chair(), chair()
	plain.ImageURL = ""
	pictured.ImageData, pictured.ProductURL = []byte("x"), "https://shop.example/1"
	if scope.OfText(plain) != scope.OfText(pictured) || scope.OfPicture(plain, photo) != scope.OfPicture(pictured, photo) {
		t.Error("a picture's address must not count for a question by text or by the picture itself")
	}
}

// fieldsOf is an item's text as one value: what may be equal only if the
// fingerprints are.
func fieldsOf(it *catalog.Item) string {
	var b strings.Builder
	for _, f := range it.Fields() {
		for _, s := range []string{f.Key, f.Value} {
			b.WriteString(strings.Join(strings.Fields(s), " "))
			b.WriteByte(0)
		}
	}
	return b.String()
}

func TestDifferentQuestionsHaveDifferentFingerprints(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "a", "b", "a b", "a  b", "ab", "name", "1:a", "é", "e\u0301", " a"})
	items := rapid.Custom(func(t *rapid.T) *catalog.Item {
		return &catalog.Item{
			Name: word.Draw(t, "name"), Description: word.Draw(t, "description"), Type: word.Draw(t, "type"),
			Styles: rapid.SliceOfN(word, 0, 2).Draw(t, "styles"), Tags: rapid.SliceOfN(word, 0, 2).Draw(t, "tags"),
			ImageURL: word.Draw(t, "image"), ProductURL: word.Draw(t, "product"), ImageData: []byte(word.Draw(t, "data")),
			Attributes: rapid.MapOfN(word, word, 0, 2).Draw(t, "attributes"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := items.Draw(t, "a"), items.Draw(t, "b")
		if got, same := scope.OfText(a) == scope.OfText(b), fieldsOf(a) == fieldsOf(b); got != same {
			t.Fatalf("by text they are the same: %v, want %v", got, same)
		}
		places := func(it *catalog.Item) []string {
			return []string{strings.TrimSpace(it.ImageURL), strings.TrimSpace(it.ProductURL), string(it.ImageData)}
		}
		samePicture := string(a.AppendText(nil, true)) == string(b.AppendText(nil, true))
		if got := scope.OfPicture(a, photo) == scope.OfPicture(b, photo); got != samePicture {
			t.Fatalf("by picture they are the same: %v, want %v", got, samePicture)
		}
		samePlace := samePicture && slices.Equal(places(a), places(b))
		if got := scope.OfAddress(a) == scope.OfAddress(b); got != samePlace {
			t.Fatalf("by address they are the same: %v, want %v", got, samePlace)
		}
	})
}

func TestScopesAndWaysAreApart(t *testing.T) {
	it := &catalog.Item{Name: "Oak chair"}
	seen := map[catalog.Fingerprint]string{}
	for name, s := range map[string]catalog.Scope{
		"none": {}, "one": catalog.NewScope("ab", "c"), "moved": catalog.NewScope("a", "bc"), "two": catalog.NewScope("ab", "c", ""),
		"model": catalog.NewScope("ab", "c").With("x"), "another": catalog.NewScope("ab", "c").With("y"),
	} {
		ways := asked(s, it, photo)
		for i, f := range append(ways[:], s.OfPicture(it, &catalog.Picture{Data: photo.Data, MediaType: "image/png"})) {
			if other, ok := seen[f]; ok {
				t.Errorf("way %d of scope %q is the same as %s", i, name, other)
			}
			seen[f] = name
		}
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add("Oak chair", "Oak  chair ", "", "x")
	f.Fuzz(func(t *testing.T, name, other, key, value string) {
		a := &catalog.Item{Name: name, Attributes: map[string]string{key: value}}
		b := &catalog.Item{Name: other, Attributes: map[string]string{key: value}}
		if scope.OfText(a) != scope.OfText(&catalog.Item{ID: "x", Name: " " + name + "\n", Attributes: map[string]string{key: value + "\t"}}) {
			t.Error("space around a text changes its fingerprint")
		}
		if same := string(a.AppendText(nil, false)) == string(b.AppendText(nil, false)); same != (scope.OfText(a) == scope.OfText(b)) {
			t.Errorf("%q and %q are the same to the model: %v", name, other, same)
		}
	})
}

func TestFingerprint_AsksForNoMemory(t *testing.T) {
	it := &catalog.Item{Name: "Oak chair", Type: "chair", ImageURL: "https://shop.example/1.jpg", Attributes: map[string]string{"width": "45 cm", "colour": "oak", "brand": "Own"}}
	if n := testing.AllocsPerRun(100, func() { scope.OfText(it); scope.OfAddress(it); it.Check() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	it := &catalog.Item{ID: "1", Name: "Oak chair", Description: strings.Repeat("Solid oak frame with a woven seat. ", 6), Type: "chair"}
	b.ReportAllocs()
	for b.Loop() {
		scope.OfText(it)
	}
}
