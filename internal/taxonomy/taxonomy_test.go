package taxonomy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const small = `version: 1
categories:
  - name: KITES
    description: Things that fly.
    terms: [kite, Box-Kite]
    hints: [wind]
    placements: [sky, meadow]
  - name: OTHER
    description: The rest.
    placements: [shed, attic]
styles:
  - name: BOLD
    description: Loud.
    keywords: [loud]
    palette: [red]
    tags: [loud, large, red]
`

func TestBuiltin(t *testing.T) {
	furniture, err := taxonomy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	var categories, styles []string
	for _, c := range furniture.Categories {
		categories = append(categories, c.Name)
	}
	for _, s := range furniture.Styles {
		styles = append(styles, s.Name)
	}
	if diff := cmp.Diff(strings.Fields(
		"SOFA CHAIR BED TABLE NIGHTSTAND STOOL STORAGE DESK BENCH OTTOMAN LIGHTING DECOR OTHER"), categories); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(strings.Fields(
		"MODERN JAPANDI BOHEMIAN SCANDINAVIAN RUSTIC SHABBY_CHIC COASTAL"), styles); diff != "" {
		t.Error(diff)
	}
	if furniture.Fallback != "OTHER" {
		t.Errorf("fallback %q", furniture.Fallback)
	}
	if again, err := taxonomy.Parse("copy.yaml", taxonomy.Builtin()); err != nil || again.Version != furniture.Version {
		t.Errorf("the text that users begin with is not what is loaded: %v", err)
	}
}

func TestBuiltin_DescriptionsHaveTheHouseRules(t *testing.T) {
	furniture, err := taxonomy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for name, rules := range map[string][]string{
		"SOFA": {"Sofa-beds", "chaises"}, "BED": {"cots", "day-beds"}, "STORAGE": {"TV benches"}, "DECOR": {"rugs"},
		"OTHER": {"mattresses", "bed linen", "covers", "parts"},
	} {
		c, ok := furniture.Category(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		for _, rule := range rules {
			if !strings.Contains(c.Description, rule) {
				t.Errorf("%s does not speak of %s", name, rule)
			}
		}
	}
}

func TestParse(t *testing.T) {
	got, err := taxonomy.Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := &taxonomy.Taxonomy{
		Version:  got.Version,
		Fallback: "OTHER",
		Categories: []taxonomy.Category{
			{Name: "KITES", Description: "Things that fly.", Terms: []string{"kite", "box-kite"}, Hints: []string{"wind"}, Placements: []string{"sky", "meadow"}},
			{Name: "OTHER", Description: "The rest.", Placements: []string{"shed", "attic"}},
		},
		Styles: []taxonomy.Style{
			{Name: "BOLD", Description: "Loud.", Keywords: []string{"loud"}, Palette: []string{"red"}, Tags: []string{"loud", "large", "red"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParse_NamesAreEnough(t *testing.T) {
	got, err := taxonomy.Parse("minimal.yaml", []byte("categories:\n  - name: SHOES\n  - name: HAND_BAGS\nstyles:\n  - name: BOLD\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &taxonomy.Taxonomy{
		Version:    got.Version,
		Categories: []taxonomy.Category{{Name: "SHOES"}, {Name: "HAND_BAGS"}},
		Styles:     []taxonomy.Style{{Name: "BOLD"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParse_ProductWords(t *testing.T) {
	got, err := taxonomy.Parse("small.yaml", []byte(small+"product_words: [Slim  Fit, plus size]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"slim fit", "plus size"}, got.ProductWords); diff != "" {
		t.Error(diff)
	}
}

// TestTemplate holds that the file for users is valid as it is and if every "#" in
// front of a key is removed.
func TestTemplate(t *testing.T) {
	text := string(taxonomy.Template())
	plain, err := taxonomy.Parse("template.yaml", []byte(text))
	if err != nil || len(plain.Styles) != 0 || plain.Fallback != "OTHER" {
		t.Errorf("as it is: %+v, %v", plain, err)
	}
	key := regexp.MustCompile(`(?m)^( *)# ((?:  )*(?:- )?(?:fallback|product_words|foreign|description|terms|hints|native|placements|styles|name|keywords|palette|tags):)`)
	full, err := taxonomy.Parse("template.yaml", []byte(key.ReplaceAllString(text, "$1$2")))
	if err != nil {
		t.Fatal(err)
	}
	if c := full.Categories[0]; c.Description == "" || c.Terms == nil || c.Hints == nil || c.Native == nil || c.Placements == nil {
		t.Errorf("a key of a category is missing: %+v", c)
	}
	if full.ProductWords == nil || full.Foreign == nil || len(full.Styles) != 1 || len(full.Styles[0].Tags) != 3 {
		t.Errorf("a key is missing: %+v", full)
	}
}

// TestManual holds that the files in the manual are valid.
func TestManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/taxonomy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(manual, -1)
	if len(blocks) != 2 {
		t.Errorf("%d files, want the minimal one and the full one", len(blocks))
	}
	for i, block := range blocks {
		if _, err := taxonomy.Parse("manual.yaml", block[1]); err != nil {
			t.Errorf("file %d: %v", i+1, err)
		}
	}
}

func TestParse_ForeignWords(t *testing.T) {
	got, err := taxonomy.Parse("small.yaml", []byte(strings.Replace(small, "[wind]", "[wind]\n    native: [toy]", 1)+"foreign: [Toy, doll house]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"toy", "doll house"}, got.Foreign); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"toy"}, got.Categories[0].Native); diff != "" {
		t.Error(diff)
	}
}

func TestTaxonomy_Lookup(t *testing.T) {
	kites, err := taxonomy.Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := kites.Category("KITES"); !ok || c.Description != "Things that fly." {
		t.Errorf("category %+v, %v", c, ok)
	}
	if s, ok := kites.Style("BOLD"); !ok || s.Description != "Loud." {
		t.Errorf("style %+v, %v", s, ok)
	}
	if _, ok := kites.Category("kites"); ok {
		t.Error("a name in lower case was found")
	}
	if _, ok := kites.Style("KITES"); ok {
		t.Error("a category was found among the styles")
	}
}

func TestVersion_ChangesWithTheContent(t *testing.T) {
	version := func(text string) string {
		t.Helper()
		parsed, err := taxonomy.Parse("small.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Version
	}
	first := version(small)
	if len(first) != 12 {
		t.Errorf("version %q has not 12 digits", first)
	}
	layout := "# a comment\n" + strings.Replace(small, "[sky, meadow]", "\n      - sky\n      - meadow", 1)
	if version(layout) != first {
		t.Error("layout changes the version")
	}
	for _, change := range [][2]string{
		{"fly", "float"}, {"kite,", "dragon,"}, {"wind", "gale"}, {"[sky, meadow]", "[meadow, sky]"}, {"BOLD", "MEEK"}, {"[red]", "[blue]"},
	} {
		if version(strings.Replace(small, change[0], change[1], 1)) == first {
			t.Errorf("%q for %q does not change the version", change[1], change[0])
		}
	}
}

func TestParse_Problems(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(small, old, with, 1) }
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", `f.yaml:1: the file is empty: begin with "version: 1"`},
		{"only a comment", "# nothing\n", `f.yaml:1: the file is empty: begin with "version: 1"`},
		{"not UTF-8", "version: 1\n# caf\xe9\n", "f.yaml:2: the file is not UTF-8 here: save it as UTF-8"},
		{"no mapping", "- a\n", `f.yaml:1: the file must be a list of "key: value" lines: its keys are version, fallback, foreign, product_words, categories, styles`},
		{"a second document", small + "---\na: b\n", "f.yaml:17: a second document begins here: keep everything in one document"},
		{"another version", replace("version: 1", "version: 2"), `f.yaml:1: the file's version is not known: write "version: 1"`},
		{"an unknown key", replace("hints:", "hint:"), `f.yaml:6: the key "hint" is not known in a category: use name, description, terms, hints, native, placements`},
		{"a key twice", replace("    hints: [wind]", "    name: KITES"), `f.yaml:6: the key "name" is there twice: remove one`},
		{"an alias", replace("[sky, meadow]", "&p [sky, meadow]") + "fallback: *p\n", `f.yaml:17: aliases are not supported: write the value of "fallback" out`},
		{"a category twice", replace("name: OTHER", "name: KITES\n    terms: [hawk]"), "f.yaml:8: the name KITES is there twice, first in line 3: rename one or merge them"},
		{"a style twice", small + "  - {name: BOLD, description: x, keywords: [x], palette: [x], tags: [x, y, z]}\n", "f.yaml:17: the name BOLD is there twice, first in line 12: rename one or merge them"},
		{"a term of two", replace("The rest.", "The rest.\n    terms: [box kite]"), `f.yaml:10: "box kite" is a term of KITES too, in line 5: keep it in one of them`},
		{"a term of two in a language", strings.NewReplacer("[kite, Box-Kite]", "{en: [kite], de: [drachen]}", "The rest.", "The rest.\n    terms: {en: [drachen], de: [Drachen]}").Replace(small), `f.yaml:10: "Drachen" is a term of KITES too, in line 5: keep it in one of them`},
		{"no language", replace("[kite, Box-Kite]", "{German: [drachen]}"), `f.yaml:5: "German" is not a language: write its ISO 639 code in lower case, such as de`},
		{"a language without terms", replace("[kite, Box-Kite]", "{de: []}"), "f.yaml:5: terms is empty: give at least 1"},
		{"a language that is no list", replace("[kite, Box-Kite]", "{de: drachen}"), `f.yaml:5: terms must be a list: write [a, b] or lines with "- "`},
		{"a term twice", replace("Box-Kite", "KITE"), `f.yaml:5: "kite" is in terms twice, first in line 5: remove one`},
		{"empty terms", replace("[kite, Box-Kite]", "[]"), "f.yaml:5: terms is empty: give at least 1"},
		{"empty hints", replace("[wind]", ""), "f.yaml:6: hints is empty: give at least 1"},
		{"no list", replace("[kite, Box-Kite]", "kite"), `f.yaml:5: terms must be a list: write [a, b] or lines with "- "`},
		{"a term that is no word", replace("Box-Kite", "'--'"), "f.yaml:5: an entry of terms is not a word: write words or short phrases"},
		{"a term that is a list", replace("Box-Kite", "[a]"), "f.yaml:5: an entry of terms is not a word: write words or short phrases"},
		{"a term that is too long", replace("Box-Kite", strings.Repeat("k", 101)), `f.yaml:5: "` + strings.Repeat("k", 40) + `..." in terms is longer than 100 bytes: shorten it`},
		{"one placement", replace("[sky, meadow]", "[sky]"), "f.yaml:7: placements has 1, at least 2 are needed: add some"},
		{"two tags", replace("[loud, large, red]", "[loud, red]"), "f.yaml:16: tags has 2, at least 3 are needed: add some"},
		{"a name in lower case", replace("name: KITES", "name: Kites"), `f.yaml:3: "Kites" is not a name: use upper-case letters, digits and underscores, a letter first, at most 63`},
		{"a name with a digit first", replace("name: BOLD", "name: 2BOLD"), `f.yaml:12: "2BOLD" is not a name: use upper-case letters, digits and underscores, a letter first, at most 63`},
		{"no name", replace("  - name: KITES\n    description", "  - description"), `f.yaml:3: a category has no name: add "name: SOME_NAME"`},
		{"an empty description", replace("Loud.", `" "`), "f.yaml:13: description is empty or not text: write a sentence"},
		{"a long description", replace("Loud.", strings.Repeat("x", 4001)), "f.yaml:13: description has 4001 bytes, at most 4000 are allowed: shorten it"},
		{"an unknown fallback", small + "fallback: NONE\n", `f.yaml:17: the fallback "NONE" is not one of the categories: name one of them, or remove the line`},
		{"foreign without a fallback", strings.ReplaceAll(small, "OTHER", "REST\n    terms: [rest]") + "foreign: [toy]\n", "f.yaml:18: foreign needs a fallback, the category of such products: name one of the categories as fallback, or remove the line"},
		{"foreign and empty", small + "foreign: []\n", "f.yaml:17: foreign is empty: give at least 1"},
		{"native without being foreign", replace("[wind]", "[wind]\n    native: [toy, doll]") + "foreign: [Toy]\n", `f.yaml:7: "doll" is native but not foreign: add it to the file's foreign words, or remove it`},
		{"no categories", "version: 1\nstyles: [{name: A, description: x, keywords: [x], palette: [x], tags: [x, y, z]}]\n", "f.yaml:1: the file has no categories: add a list of at least 2"},
		{"too many categories", "categories: [" + strings.Repeat("1, ", 200) + "1]\n" + small[:11] + small[strings.Index(small, "styles"):], "f.yaml:1: categories has 201, at most 200 are allowed: remove some"},
		{"bad YAML", replace("terms: [kite", "terms: [kite: ["), "f.yaml:5: this is not YAML"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := taxonomy.Parse("f.yaml", []byte(test.text))
			if got != nil {
				t.Error("there is a taxonomy")
			}
			var f *fault.Fault
			if f = fault.From(err); f == nil || f.Reason != fault.InvalidRequest {
				t.Fatalf("error %v, want INVALID_REQUEST", err)
			}
			if test.name == "bad YAML" && strings.HasPrefix(f.Message, test.want[:len("f.yaml:")]) && strings.Contains(f.Message, test.want[len("f.yaml:5"):]) {
				return // which line the library names is its own affair
			}
			if f.Message != test.want {
				t.Errorf("message %q\nwant    %q", f.Message, test.want)
			}
		})
	}
}

func TestParse_AllProblemsByLine(t *testing.T) {
	text := strings.NewReplacer("name: BOLD", "name: bold", "[kite, Box-Kite]", "[]", "[red]", "[]", "hints:", "hunts:").Replace(small)
	_, err := taxonomy.Parse("f.yaml", []byte(text))
	f := fault.From(err)
	var at []string
	for _, v := range f.Violations {
		at = append(at, v.Field)
	}
	if want := []string{"f.yaml:5", "f.yaml:6", "f.yaml:12", "f.yaml:15"}; !slices.Equal(at, want) {
		t.Errorf("problems at %v, want %v", at, want)
	}
	if n := len(strings.Split(f.Message, "\n")); n != 4 {
		t.Errorf("%d lines, want 4:\n%s", n, f.Message)
	}
}

func TestParse_ManyProblemsAreCutOff(t *testing.T) {
	_, err := taxonomy.Parse("f.yaml", []byte(small+strings.Repeat("x: y\n", 60)))
	lines := strings.Split(fault.From(err).Message, "\n")
	if last := lines[len(lines)-1]; len(lines) != 51 || last != "f.yaml: and 10 more" {
		t.Errorf("%d lines, the last %q", len(lines), last)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kites.yaml")
	if err := os.WriteFile(path, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("a user's file", func(t *testing.T) {
		if got, err := taxonomy.Load(path); err != nil || len(got.Categories) != 2 {
			t.Errorf("%v, %v", got, err)
		}
	})
	for name, bad := range map[string]string{"no such file": filepath.Join(dir, "none.yaml"), "a folder": dir} {
		t.Run(name, func(t *testing.T) {
			_, err := taxonomy.Load(bad)
			f := fault.From(err)
			if !fault.Is(err, fault.InvalidRequest) || !strings.Contains(f.Message, bad) || !strings.Contains(f.Message, "correct the path") {
				t.Errorf("error %v does not say what to do", err)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		large := filepath.Join(dir, "large.yaml")
		if err := os.WriteFile(large, make([]byte, taxonomy.MaxFileBytes+1), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := taxonomy.Load(large); !strings.Contains(fault.From(err).Message, "large.yaml:1: the file is larger than") {
			t.Errorf("error %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("version: 1\ncategories: [{name: A}, *x]\nstyles: {}\nfallback: [a]"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [x]\n: y\n<<: {version: 1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := taxonomy.Parse("f.yaml", data)
		if (got == nil) == (err == nil) {
			t.Fatalf("taxonomy %v and error %v", got, err)
		}
		if err != nil {
			if f := fault.From(err); f.Reason != fault.InvalidRequest || f.Message == "" {
				t.Errorf("error %v", err)
			}
			return
		}
		if len(got.Categories) < 2 || len(got.Version) != 12 {
			t.Errorf("accepted: %+v", got)
		}
		for _, c := range got.Categories {
			if c.Name == "" || len(c.Placements) == 1 {
				t.Errorf("accepted: %+v", c)
			}
		}
	})
}
