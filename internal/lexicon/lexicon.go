package lexicon

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// The backend and the model in the trace of an answer.
const (
	Backend = "offline"
	Model   = "lexicon"
)

// Classifier answers questions by the words of a taxonomy. It is immutable and safe for
// concurrent use.
type Classifier struct {
	taxonomy   *taxonomy.Taxonomy
	vocabulary *vocabulary
	languages  *languages
	fallback   int16 // category; none
	scratches  sync.Pool
}

// New returns a classifier for the taxonomy, which must have a category. It takes a
// few milliseconds.
func New(t *taxonomy.Taxonomy) (*Classifier, error) {
	if t == nil || len(t.Categories) == 0 {
		return nil, fault.New(fault.InvalidRequest,
			"the offline classifier needs a taxonomy with at least one category: load one that was checked")
	}
	if len(t.Categories) > taxonomy.MaxCategories || len(t.Styles) > taxonomy.MaxStyles {
		return nil, fault.New(fault.InvalidRequest, "the taxonomy is too large: at most %d categories and %d styles are allowed",
			taxonomy.MaxCategories, taxonomy.MaxStyles)
	}
	c := &Classifier{taxonomy: t, vocabulary: newVocabulary(t), fallback: none}
	c.languages = newLanguages(t, c.vocabulary)
	for i := range t.Categories {
		if t.Fallback != "" && t.Categories[i].Name == t.Fallback {
			c.fallback = int16(i)
		}
	}
	c.scratches.New = func() any { return newScratch(c.vocabulary, len(t.Categories), len(t.Styles)) }
	return c, nil
}

// Ask answers the question by the item's text, with or without a picture. An item
// without text is an InvalidItem fault. The trace has no attempts, because no server is
// called.
func (c *Classifier) Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error) {
	start := time.Now()
	answer := catalog.Answer{Trace: catalog.Trace{Backend: Backend, Model: Model, Taxonomy: c.taxonomy.Version}}
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	if q.Item == nil || !q.Item.HasText() {
		return answer, fault.New(fault.InvalidItem,
			"the item has no text, and the offline classifier cannot see pictures: give a name, a type or a description, or let a model look at the picture")
	}
	answer.Classification = c.Classify(q.Item)
	answer.Trace.Latency = time.Since(start)
	return answer, nil
}

// weighAs computes the scores of the categories by the nouns of the item's language, which it
// returns. If English has no noun in the text, a language that is as likely may have one:
// "Silla gaming".
func (c *Classifier) weighAs(t tongue, s *scratch, it *catalog.Item) tongue {
	if t.language != nil {
		c.weighIn(t.language, s, it)
		return t
	}
	if c.weigh(s, it); s.votes > 0 || t.tied == nil {
		return t
	}
	s.reset()
	if c.weighIn(t.tied, s, it); s.votes > 0 {
		return tongue{language: t.tied}
	}
	s.reset()
	c.weigh(s, it)
	return t
}

// Classify returns the classification of the item's text, which is the same for equal text. It
// always has a category, with a low confidence if no word was known.
func (c *Classifier) Classify(it *catalog.Item) catalog.Classification {
	s := c.scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer c.scratches.Put(s)
	s.reset()
	tongue := c.weighAs(c.tongueOf(it), s, it)
	found := rank(s.scores)
	var reasons strings.Builder
	c.explainTongue(&reasons, tongue)
	c.explain(&reasons, s, found)
	category := &c.taxonomy.Categories[found.first]
	v := catalog.Classification{
		Category:         category.Name,
		Confidence:       min(found.confidence(len(s.scores), s.unnamed), tongue.most(s.votes > 0)),
		ConfidenceSource: catalog.FromLexicon,
		PlacementTags:    c.placementTags(s, category),
		Evidence:         catalog.EvidenceText,
	}
	v.Alternatives = c.alternatives(s, found, v.Confidence)
	if len(s.styles) > 0 {
		c.addStyle(s, &v, &reasons)
	}
	v.Reasoning = reasons.String()
	return v
}
