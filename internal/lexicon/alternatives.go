package lexicon

import "github.com/credenza-dev/credenza/internal/catalog"

// alternatives returns the categories that have a score, none if no word is known. What the
// confidence leaves is shared among the others by their scores, as far as that makes
// none of them likelier than its score is in comparison with the first.
func (c *Classifier) alternatives(s *scratch, found ranking, confidence float64) []catalog.Alternative {
	if found.top <= 0 {
		return nil
	}
	rest := max(0, s.unnamed)
	for i, score := range s.scores {
		if i != found.first {
			rest += max(0, score)
		}
	}
	s.others = s.others[:0]
	for i, score := range s.scores {
		if i != found.first && score > 0 {
			s.others = append(s.others, catalog.Alternative{
				Category:    c.taxonomy.Categories[i].Name,
				Probability: min((1-confidence)*score/rest, confidence*(score/found.top)),
			})
		}
	}
	answer := catalog.Alternative{Category: c.taxonomy.Categories[found.first].Name, Probability: confidence}
	return catalog.NewAlternatives(answer, s.others)
}
