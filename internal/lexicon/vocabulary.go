package lexicon

import (
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// none is the index of nothing.
const none = -1

// clueKind is the kind of thing that a clue suggests.
type clueKind uint8

const (
	forCategory clueKind = iota
	forStyle             // a keyword of it
	forPalette           // one of its colours
	forPlace
	forDisclaimer
)

// clue is a phrase that suggests something at any place of a text.
type clue struct {
	kind   clueKind
	target int16
	id     int32 // of the phrase for this target, to count it once
	phrase int32
}

// entry is the meanings of a phrase: "macrame" is a product, and suggests a style.
type entry struct {
	phrase int32 // index of its text; none: no phrase ends here
	term   int16 // the category of the product that it names; none
	role   role
	// foreign is set if it moves the product after it to the fallback.
	foreign bool
	clues   []clue
}

// vocabulary is a trie with one step for each word, so that the time for a text does not
// depend on the number of phrases. It is immutable once built.
type vocabulary struct {
	words   map[string]int32
	of      int32            // the word "of"
	roots   []int32          // first step by word; 0: none
	steps   map[uint64]int32 // later steps by node and word
	entries []entry          // by node; 0 is the root
	phrases []string
	clueIDs int32
	places  []string
	// natives are, by category, the foreign words that change nothing.
	natives [][]int32
}

func newVocabulary(t *taxonomy.Taxonomy) *vocabulary {
	v := &vocabulary{
		words: map[string]int32{"": 0}, roots: []int32{0}, steps: map[uint64]int32{},
		entries: []entry{{phrase: none, term: none}},
	}
	v.addGrammar()
	for _, text := range t.ProductWords {
		v.entry(text).role = roleFiller
	}
	v.of = v.words["of"]
	for _, text := range disclaimers {
		v.clue(text, forDisclaimer, 0)
	}
	v.addCategories(t.Categories, t.Fallback)
	v.addForeign(t)
	for i, s := range t.Styles {
		v.clue(spelledOut(s.Name), forStyle, i)
		v.clues(s.Keywords, forStyle, i)
		v.clues(s.Palette, forPalette, i)
	}
	return v
}

func (v *vocabulary) addGrammar() {
	for r := roleNone + 1; r < numRoles; r++ {
		for _, text := range grammar[r] {
			v.entry(text).role = r
		}
	}
}

func (v *vocabulary) addCategories(categories []taxonomy.Category, fallback string) {
	places := map[string]int{}
	for i, c := range categories {
		for _, text := range c.Terms {
			v.addTerm(text, int16(i))
		}
		v.clues(c.Hints, forCategory, i)
		for _, place := range c.Placements {
			if _, known := places[place]; !known {
				places[place] = len(v.places)
				v.places = append(v.places, place)
				v.clue(place, forPlace, places[place])
			}
		}
	}
	// Compounds are last, so that they replace no other entry.
	for i, c := range categories {
		for _, text := range c.Terms {
			v.addCompound(text, int16(i))
		}
	}
	for i, c := range categories {
		if name := spelledOut(c.Name); len(c.Terms) == 0 && c.Name != fallback && v.entry(name).term == none {
			v.addTerm(name, int16(i))
			v.addCompound(name, int16(i))
		}
	}
}

// spelledOut returns a name as texts have it: "coffee table" for COFFEE_TABLE.
func spelledOut(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

// addForeign marks the foreign words in all spellings.
func (v *vocabulary) addForeign(t *taxonomy.Taxonomy) {
	for _, text := range t.Foreign {
		for _, spelling := range append(v.joined(text), text) {
			v.entry(spelling).foreign = true
		}
	}
	for _, c := range t.Categories {
		var natives []int32
		for _, text := range c.Native {
			for _, spelling := range append(v.joined(text), text) {
				natives = append(natives, v.entry(spelling).phrase)
			}
		}
		v.natives = append(v.natives, natives)
	}
}

// addTerm adds a product's name. A name that ends in "cover" gets the role of a cover.
func (v *vocabulary) addTerm(text string, category int16) {
	words := v.split(text)
	if len(words) == 0 {
		return
	}
	last := v.step(0, v.words[words[len(words)-1]])
	cover := last != 0 && v.entries[last].role == roleCover
	e := v.entry(text)
	e.term = category
	if cover {
		e.role = roleCover
	}
}

// addCompound adds "bookshelf" for the term "book shelf", and "tealight holder" and "tea
// lightholder" for "tea light holder".
func (v *vocabulary) addCompound(text string, category int16) {
	for _, joined := range v.joined(text) {
		if e := v.entry(joined); e.term == none && e.role == roleNone {
			e.term = category
		}
	}
}

// joined returns the spellings of a short phrase with two of its words joined.
func (v *vocabulary) joined(text string) []string {
	words := v.split(text)
	if len(words) > 3 {
		return nil
	}
	var all []string
	for i := 1; i < len(words); i++ {
		if len(words[i-1]) >= 2 && len(words[i]) >= 3 {
			together := slices.Concat(words[:i-1], []string{words[i-1] + words[i]}, words[i+1:])
			all = append(all, strings.Join(together, " "))
		}
	}
	return all
}

func (v *vocabulary) clues(texts []string, s clueKind, target int) {
	for _, text := range texts {
		v.clue(text, s, target)
		for _, joined := range v.joined(text) {
			v.clue(joined, s, target)
		}
	}
}

func (v *vocabulary) clue(text string, s clueKind, target int) {
	e := v.entry(text)
	for _, c := range e.clues {
		if c.kind == s && int(c.target) == target {
			return
		}
	}
	// A product's name already counts more than a hint.
	if e.phrase == none || s == forCategory && int(e.term) == target {
		return
	}
	e.clues = append(e.clues, clue{s, int16(target), v.clueIDs, e.phrase})
	v.clueIDs++
}

// entry returns the phrase's entry, which it adds if necessary. It is valid until the
// next call. The entry of a text without words, such as "24", is never found.
func (v *vocabulary) entry(text string) *entry {
	node := int32(0)
	for i, word := range v.split(text) {
		id, known := v.words[word]
		if !known {
			id = int32(len(v.words))
			v.words[word] = id
			v.roots = append(v.roots, 0)
		}
		next := v.step(node, id)
		if next == 0 {
			next = int32(len(v.entries))
			v.entries = append(v.entries, entry{phrase: none, term: none})
			if i == 0 {
				v.roots[id] = next
			} else {
				v.steps[uint64(node)<<32|uint64(id)] = next
			}
		}
		node = next
	}
	if node == 0 {
		return &entry{phrase: none, term: none}
	}
	e := &v.entries[node]
	if e.phrase == none {
		e.phrase = int32(len(v.phrases))
		v.phrases = append(v.phrases, text)
	}
	return e
}

// step returns the node after the word, 0 if no phrase continues with it.
func (v *vocabulary) step(node, word int32) int32 {
	if node == 0 {
		return v.roots[word]
	}
	return v.steps[uint64(node)<<32|uint64(word)]
}

func (v *vocabulary) split(text string) []string {
	var words []string
	s := scanner{text: text}
	for {
		word, _, ok := s.next()
		if !ok {
			return words
		}
		words = append(words, string(word))
	}
}
