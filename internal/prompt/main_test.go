package prompt_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// small is a taxonomy of the tests' own, so that a change of the built-in one
// changes no golden file. BED and BEDDING are there because one begins with the
// other.
func small() *taxonomy.Taxonomy {
	return &taxonomy.Taxonomy{
		Version:  "t-1",
		Fallback: "OTHER",
		Categories: []taxonomy.Category{
			{Name: "SOFA", Description: "Upholstered seats for two and more.", Placements: []string{"living room", "lounge"}},
			{Name: "BED", Description: "Frames to sleep on.\nNo mattresses.", Placements: []string{"bedroom"}},
			{Name: "BEDDING", Description: "Sheets, covers, mattresses."},
			{Name: "STORAGE", Description: "Whatever holds things."},
			{Name: "OTHER", Description: "All the rest."},
		},
		Styles: []taxonomy.Style{
			{Name: "MODERN", Description: "Clean lines.", Keywords: []string{"sleek", "minimal"}, Palette: []string{"white", "black"}, Tags: []string{"clean lines"}},
			{Name: "RUSTIC", Description: "Rough wood.", Keywords: []string{"farmhouse"}},
			{Name: "SHABBY_CHIC", Description: "Worn and soft."},
		},
	}
}

func newPrompt(tb testing.TB) *prompt.Prompt {
	tb.Helper()
	p, err := prompt.New(small())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
