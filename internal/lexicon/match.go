package lexicon

// lexeme is a word, or the longest phrase of the vocabulary at its place.
type lexeme struct {
	phrase int32 // none: a word that is not in the vocabulary
	term   int16 // category; none
	hint   int16 // category; none
	role   role
	gap    gap // before it
	// first and last are its first and last word.
	first, last int32
	disclaimer  bool
	counted     bool // a number is before it
	foreign     bool // moves the product after it to the fallback
	letters     letterCase
	noun        bool // unknown, and its form is possible for a noun
}

// hit is a clue with the field in which it was found.
type hit struct {
	clue  clue
	field field
}

// match splits the text into lexemes and stores the clues in it, each once for an item.
// The lexemes are valid until the next call.
//
// If phrases overlap, the later one is used, because the end of a compound decides:
// "corner sofa-bed" is a corner and a sofa-bed.
func (s *scratch) match(v *vocabulary, text string, f field) []lexeme {
	s.split(v, text)
	for i := range s.tokens {
		s.find(v, i, f)
	}
	s.lexemes = s.lexemes[:0]
	for i := 0; i < len(s.tokens); {
		t := &s.tokens[i]
		node, end := t.node, int(t.end)
		for j := i + 1; j < end; j++ {
			if int(s.tokens[j].end) > end {
				node, end = s.longest(v, i, j)
				break
			}
		}
		l := lexeme{phrase: none, term: none, hint: none}
		if node > 0 {
			l = v.lexeme(node)
		} else {
			end = i + 1
		}
		l.gap, l.counted, l.first, l.last = t.gap, t.counted, t.word, s.tokens[end-1].word
		l.letters, l.noun = s.tokens[end-1].letters, t.noun && l.phrase == none
		s.lexemes = append(s.lexemes, l)
		i = end
	}
	return s.lexemes
}

func (s *scratch) split(v *vocabulary, text string) {
	s.tokens = s.tokens[:0]
	scan := scanner{text: text}
	for {
		word, gap, ok := scan.next()
		if !ok {
			return
		}
		s.tokens = append(s.tokens, token{
			word: v.words[string(word)], gap: gap, counted: scan.counted,
			letters: caseOf(text[scan.from:scan.pos]), noun: mayBeNoun(word),
		})
	}
}

// find sets token i's longest phrase and stores every clue that begins there.
func (s *scratch) find(v *vocabulary, i int, f field) {
	node := int32(0)
	for j := i; j < len(s.tokens); j++ {
		if node = s.advance(v, node, i, j); node == 0 {
			return
		}
		if e := &v.entries[node]; e.phrase != none {
			s.tokens[i].node, s.tokens[i].end = node, int32(j+1)
			for _, c := range e.clues {
				s.note(c, f)
			}
		}
	}
}

// longest returns the longest phrase from token i that ends before limit.
func (s *scratch) longest(v *vocabulary, i, limit int) (found int32, end int) {
	node := int32(0)
	for j := i; j < limit; j++ {
		if node = s.advance(v, node, i, j); node == 0 {
			break
		}
		if v.entries[node].phrase != none {
			found, end = node, j+1
		}
	}
	return found, end
}

// advance steps from the node over token j of a phrase that begins at i. Phrases do not
// continue over punctuation, nor over numbers except after "of": a "chest of 3 drawers"
// is a chest of drawers, but "wardrobe, 3 doors" is not a wardrobe door.
func (s *scratch) advance(v *vocabulary, node int32, i, j int) int32 {
	if j > i && (s.tokens[j].gap > gapHyphen || s.tokens[j].counted && s.tokens[j-1].word != v.of) {
		return 0
	}
	return v.step(node, s.tokens[j].word)
}

func (s *scratch) note(c clue, f field) {
	if f == fieldStyles && c.kind != forStyle && c.kind != forPalette {
		return
	}
	if s.seen[c.id] == s.generation {
		return
	}
	s.seen[c.id] = s.generation
	s.hits = append(s.hits, hit{c, f})
}

func (v *vocabulary) lexeme(node int32) lexeme {
	e := &v.entries[node]
	l := lexeme{phrase: e.phrase, term: e.term, hint: none, role: e.role, foreign: e.foreign}
	for _, c := range e.clues {
		switch c.kind {
		case forCategory:
			l.hint = c.target
		case forDisclaimer:
			l.disclaimer = true
		default:
		}
	}
	return l
}

// compound reports whether the two words together name a product.
func (v *vocabulary) compound(first, second int32) bool {
	node := v.step(0, first)
	if node == 0 {
		return false
	}
	node = v.step(node, second)
	return node != 0 && v.entries[node].term != none
}
