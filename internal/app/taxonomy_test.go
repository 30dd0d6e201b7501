package app_test

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestTaxonomyOfNamesOnly holds that a file with nothing but the names of its
// categories works from end to end: no styles, descriptions, terms or placements.
func TestTaxonomyOfNamesOnly(t *testing.T) {
	file := write(t, "names.yaml", "categories:\n  - name: SHOES\n  - name: HAND_BAGS\n")
	for _, backend := range []string{"openai", "offline"} {
		t.Run(backend, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Seed: 1}, "--taxonomy", file, "--backend", backend)
				tax, err := w.client.Taxonomy(t.Context())
				if err != nil || len(tax.Categories) != 2 || len(tax.Styles) != 0 {
					t.Errorf("the taxonomy in force is %+v: %v", tax, err)
				}
				checkUnstyled(t, w, backend)
				res, err := post(t.Context(), w.over(), compatible, `{"toggle":1,"data":[{"Product Name":"Red shoes"}]}`)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil || !bytes.Contains(body, []byte(`"primary_style":null,"secondary_style":null,`)) {
					t.Errorf("over HTTP: %s, %v", body, err)
				}
				if err := res.Body.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func checkUnstyled(t *testing.T, w *world, backend string) {
	t.Helper()
	for name, category := range map[string]string{"Red shoes": "SHOES", "Leather handbag": "HAND_BAGS"} {
		got, err := w.client.Classify(t.Context(), credenza.Item{ProductName: name}, credenza.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Err != nil {
			t.Fatalf("%s: %v", name, got.Err)
		}
		c := got.Classification
		if backend == "offline" && c.Category != category {
			t.Errorf("%s is %s: %s", name, c.Category, c.Reasoning)
		}
		if c.Category != "SHOES" && c.Category != "HAND_BAGS" {
			t.Errorf("%s is %q", name, c.Category)
		}
		if diff := cmp.Diff([]string{c.PrimaryStyle, c.SecondaryStyle}, []string{"", ""}); diff != "" || len(c.StyleTags) > 0 || backend == "offline" && len(c.PlacementTags) > 0 {
			t.Errorf("%s has styles: %+v", name, c)
		}
	}
}
