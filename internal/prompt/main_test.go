package prompt_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

var update = flag.Bool("update", false, "write the golden files again")

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

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run the test with -update:\n%s", path, diff)
	}
}
