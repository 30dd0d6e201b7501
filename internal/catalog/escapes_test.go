package catalog_test

import (
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestWithoutEscapes_RemovesWholeSequences(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"none":                           {"Oak chair [31m]", "Oak chair [31m]"},
		"a colour":                       {"Oak \x1b[31mred\x1b[0m chair", "Oak red chair"},
		"several parameters":             {"\x1b[38;2;1;2;3mred", "red"},
		"private parameters":             {"\x1b[?25lred\x1b[>4;1m", "red"},
		"intermediate bytes":             {"\x1b[1 qred", "red"},
		"in 8 bits":                      {"\u009b31mred", "31mred"},
		"a letter of another encoding":   {"\u009b12 Möbel, \u009d0 Stühle\u009c, \u0090Tisch\x07", "12 Möbel, 0 Stühle, Tisch\x07"},
		"cut after its parameters":       {"red\x1b[31", "red"},
		"cut by another letter":          {"\x1b[31\u00e9", "\u00e9"},
		"a title with a bell":            {"a\x1b]0;owned\x07b", "ab"},
		"a title with its end":           {"a\x1b]0;owned\x1b\\b", "ab"},
		"a title in 8 bits":              {"a\u009d0;owned\u009cb", "a0;ownedb"},
		"a title with an end in 8 bits":  {"a\x1b]0;owned\u009cb", "ab"},
		"a title without an end":         {"a\x1b]0;owned", "a0;owned"},
		"a title that another one ends":  {"a\x1b]0;owned\x1b[31mb", "ab"},
		"a link":                         {"\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\", "here"},
		"a device's string":              {"a\x1bP1$qm\x1b\\b", "ab"},
		"a program's string":             {"a\x1b_Gq=1\x1b\\b", "ab"},
		"a private message":              {"a\x1b^x\x1b\\b", "ab"},
		"a reset":                        {"a\x1bcb", "ab"},
		"a character set":                {"a\x1b(0b", "ab"},
		"a saved place":                  {"a\x1b7b\x1b8", "ab"},
		"ESC alone":                      {"a\x1b", "a"},
		"ESC before another script":      {"\x1b\u00e9", "\u00e9"},
		"ESC twice":                      {"a\x1b\x1b[31mb", "ab"},
		"what is left looks like one":    {"\x1b\x1b[31m[31m", "[31m"},
		"a control of 8 bits":            {"a\u0085b", "ab"},
		"other controls, of no sequence": {"a\tb\nc\x07", "a\tb\nc\x07"},
		"what is no UTF-8":               {"a\xc2\x1b[31m\x9b1mb", "a\uFFFD\uFFFD1mb"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := catalog.WithoutEscapes(test.text); got != test.want {
				t.Errorf("%q became %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func FuzzWithoutEscapes(f *testing.F) {
	f.Add("a\x1b[31mred\x1b]0;t\x07\u009b1m\x1bP")
	f.Fuzz(func(t *testing.T, text string) {
		got := catalog.WithoutEscapes(text)
		if strings.ContainsRune(got, '\x1b') || strings.ContainsRune(got, '\u009b') {
			t.Errorf("%q became %q", text, got)
		}
		if again := catalog.WithoutEscapes(got); again != got {
			t.Errorf("%q became %q, and that %q", text, got, again)
		}
	})
}
