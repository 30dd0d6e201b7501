package lexicon

import (
	"context"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// What a trace says of an answer from here.
const (
	Backend = "offline"
	Model   = "lexicon"
)

// Classifier answers questions from a taxonomy's words. It is immutable and safe
// for concurrent use.
type Classifier struct {
	taxonomy   *taxonomy.Taxonomy
	vocabulary *vocabulary
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
		return nil, fault.New(fault.InvalidRequest, "the taxonomy is too large: at most %d categories and %d styles are taken",
			taxonomy.MaxCategories, taxonomy.MaxStyles)
	}
	c := &Classifier{taxonomy: t, vocabulary: newVocabulary(t), fallback: none}
	for i := range t.Categories {
		if t.Fallback != "" && t.Categories[i].Name == t.Fallback {
			c.fallback = int16(i)
		}
	}
	c.scratches.New = func() any { return newScratch(c.vocabulary, len(t.Categories), len(t.Styles)) }
	return c, nil
}

// Ask answers the question from the item's text, with a picture or without. An
// item without text is an InvalidItem fault. It asks nobody, so the trace counts
// no attempts.
func (c *Classifier) Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error) {
	start := time.Now()
	answer := catalog.Answer{Trace: catalog.Trace{Backend: Backend, Model: Model, Taxonomy: c.taxonomy.Version}}
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	if q.Item == nil || !q.Item.HasText() {
		return answer, fault.New(fault.InvalidItem,
			"the item has no text, and the offline classifier has no eyes: give a name, a type or a description, or let a model look at the picture")
	}
	answer.Verdict = c.Classify(q.Item)
	answer.Trace.Latency = time.Since(start)
	return answer, nil
}

// Classify returns the verdict on the item's text: equal text, equal verdict. It
// always names a category and a style; how far to trust them is the confidence,
// which is low where no word was known.
func (c *Classifier) Classify(it *catalog.Item) catalog.Verdict {
	s := c.scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer c.scratches.Put(s)
	s.reset()
	c.weigh(s, it)
	found := rank(s.scores)
	category := &c.taxonomy.Categories[found.first]
	v := catalog.Verdict{
		Category:         category.Name,
		Confidence:       found.confidence(len(s.scores), s.unnamed),
		ConfidenceSource: catalog.FromLexicon,
		PlacementTags:    c.placementTags(s, category),
		Reasoning:        c.reasoning(s, found),
		Evidence:         catalog.EvidenceText,
	}
	if len(s.styles) > 0 {
		c.addStyle(s, &v)
	}
	return v
}
