package prompt

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// names are the allowed values of one property.
type names struct {
	list []string
	// folded has the names of list in the form that fold returns.
	folded []string
	// byFold finds a name however a reply spells it: see fold.
	byFold map[string]string
	// nested has the names that others begin with, such as BED if there is BEDDING.
	nested map[string]bool
	// byForm finds a name by its singular, its plural, and without accents.
	byForm map[string]string
}

func newNames(what string, n int, at func(int) string) (names, error) {
	ns := names{byFold: make(map[string]string, n), nested: map[string]bool{}}
	for i := range n {
		name := at(i)
		key := fold(name)
		if key == "" {
			return names{}, fmt.Errorf("%s: number %d has no name: give it one", what, i+1)
		}
		if first, taken := ns.byFold[key]; taken {
			return names{}, fmt.Errorf("%s: %q and %q differ in case, spaces, hyphens or underscores only: rename one", what, first, name)
		}
		ns.byFold[key] = name
		ns.list = append(ns.list, name)
		ns.folded = append(ns.folded, key)
	}
	for _, name := range ns.list {
		for _, longer := range ns.list {
			if longer != name && strings.HasPrefix(longer, name) {
				ns.nested[name] = true
			}
		}
	}
	ns.byForm = ns.forms()
	return ns, nil
}

// forms returns byForm: the forms that belong to one name alone.
func (ns *names) forms() map[string]string {
	forms := map[string]string{}
	for _, name := range ns.list {
		for _, form := range inflections(fold(plain(name))) {
			if other, taken := forms[form]; taken && other != name {
				forms[form] = "" // of several
			} else {
				forms[form] = name
			}
		}
	}
	maps.DeleteFunc(forms, func(_, name string) bool { return name == "" })
	return forms
}

// inflections returns a folded English word, its plural, and its singular.
func inflections(word string) []string {
	list := []string{word, word + "S", word + "ES"}
	for _, ending := range [][2]string{{"Y", "IES"}, {"IES", "Y"}, {"ES", ""}, {"S", ""}} {
		if stem, ok := strings.CutSuffix(word, ending[0]); ok && len(stem) > 2 {
			list = append(list, stem+ending[1])
		}
	}
	return list
}

// plain returns a text without accents, invisible characters, and forms of letters for typesetting.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || catalog.Hidden(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
}

// find returns the taxonomy's spelling of s.
func (ns *names) find(s string) (string, bool) {
	name, ok := ns.byFold[s]
	if !ok {
		name, ok = ns.byFold[fold(s)]
	}
	if !ok {
		name, ok = ns.byFold[fold(around.ReplaceAllString(s, ""))]
	}
	if !ok && len(s) <= maxExplained {
		name, ok = ns.findExplained(around.ReplaceAllString(plain(s), ""))
	}
	return name, ok
}

// maxExplained is how long a name may be with its explanation.
const maxExplained = 500

// findExplained returns the name that a text is a form of, or begins with before an
// explanation that speaks of no other name.
func (ns *names) findExplained(s string) (string, bool) {
	if name, ok := ns.byForm[fold(s)]; ok {
		return name, true
	}
	at := explanation.FindStringIndex(s)
	if at == nil {
		return "", false
	}
	name, ok := ns.byForm[fold(s[:at[0]])]
	return name, ok && !ns.mentionsOther(s[at[0]:], name)
}

// mentionsOther reports whether a text has a name other than the given one in its words.
func (ns *names) mentionsOther(text, name string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i := range words {
		joined := ""
		for _, word := range words[i:min(len(words), i+maxNameWords)] {
			joined += fold(word)
			if other, ok := ns.byForm[joined]; ok && other != name {
				return true
			}
		}
	}
	return false
}

// maxNameWords is of how many words a name is recognised in an explanation.
const maxNameWords = 4

// around matches what models write around a name: its number in the list, a label, marks.
var around = regexp.MustCompile(`^[^\pL\d]*(?:\d+[^\pL\d]+)?(?:(?i:category|style)\s*[.:=][^\pL\d]*)?|[^\pL\d]+$`)

// explanation matches where a name ends and its explanation begins.
var explanation = regexp.MustCompile(`\s*[(\[:;\n]|\s+[-–—]\s`)

// fold returns the same text for all spellings of a name: "Shabby-Chic", "SHABBY CHIC"
// and "shabby_chic".
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '_' || r == '\t':
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, s)
}
