package lexicon

import (
	"fmt"
	"strings"
)

// nearShare is the share of the first score from which the second category is
// mentioned.
const nearShare = 0.4

// explain writes which words decided the category, in one or two sentences.
func (c *Classifier) explain(b *strings.Builder, s *scratch, found ranking) {
	c.explainCategory(b, s, found)
	if found.second != none && found.next >= nearShare*found.top {
		if e := &s.best[found.second]; e.phrase != none {
			fmt.Fprintf(b, " %s was near, for %q in the %s.",
				c.taxonomy.Categories[found.second].Name, c.vocabulary.phrases[e.phrase], e.field)
		}
	}
}

// explainTongue writes which language the text is in, unless it is English.
func (c *Classifier) explainTongue(b *strings.Builder, t tongue) {
	switch {
	case t.unknown:
		b.WriteString("The text seems to be in a language that the offline classifier has no words for. ")
	case t.language != nil:
		fmt.Fprintf(b, "Read as %s. ", t.name)
	}
}

func (c *Classifier) explainCategory(b *strings.Builder, s *scratch, found ranking) {
	name := c.taxonomy.Categories[found.first].Name
	e := &s.best[found.first]
	phrase := ""
	if e.phrase != none {
		phrase = c.vocabulary.phrases[e.phrase]
	}
	switch {
	case e.kind == headNone && int(c.fallback) == found.first:
		fmt.Fprintf(b, "No known word says what it is, so it falls to %s.", name)
	case e.kind == headNone:
		fmt.Fprintf(b, "No known word says what it is, so %s is a guess.", name)
	case e.phrase == none:
		fmt.Fprintf(b, "Its current category is %s, and no word says otherwise.", name)
	case e.kind == headAccessory && e.owner != none:
		fmt.Fprintf(b, "In the %s, %q follows %q: a part or accessory, and so %s.", e.field, phrase, c.vocabulary.phrases[e.owner], name)
	case e.kind == headAccessory:
		fmt.Fprintf(b, "The head of the %s is %q, a part or accessory, and so %s.", e.field, phrase, name)
	case e.kind == headHint || e.kind == headModifier:
		fmt.Fprintf(b, "No head noun decides, but %q in the %s speaks for %s.", phrase, e.field, name)
	case e.foreign != none:
		fmt.Fprintf(b, "In the %s, %q is said of %q, which makes it %s.", e.field, c.vocabulary.phrases[e.foreign], phrase, name)
	case e.doubted:
		fmt.Fprintf(b, "The last known noun of the %s is %q, which is %s, but the unknown word after it may be the product.", e.field, phrase, name)
	default:
		fmt.Fprintf(b, "The head noun of the %s is %q, which is %s.", e.field, phrase, name)
	}
}

func (c *Classifier) explainStyle(b *strings.Builder, s *scratch, l styleChoice) {
	name := c.taxonomy.Styles[l.first].Name
	switch {
	case l.guess:
		fmt.Fprintf(b, " No word points to a style; %s is the default.", name)
	case l.coloursOnly:
		fmt.Fprintf(b, " Style %s for the colour %s alone.", name, quoted(c.found(s, forPalette, l.first)))
	default:
		fmt.Fprintf(b, " Style %s for %s.", name, quoted(append(c.found(s, forStyle, l.first), c.found(s, forPalette, l.first)...)))
	}
}

// quoted joins the first three phrases.
func quoted(phrases []string) string {
	phrases = phrases[:min(len(phrases), 3)]
	all := make([]string, len(phrases))
	for i, p := range phrases {
		all[i] = fmt.Sprintf("%q", p)
	}
	if n := len(all); n > 1 {
		return strings.Join(all[:n-1], ", ") + " and " + all[n-1]
	}
	return strings.Join(all, "")
}
