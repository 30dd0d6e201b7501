// Package lexicon classifies items by their words alone: the default without a
// key, and the fallback where a model cannot answer.
//
// A product's name holds the names of many products. "Chair pad" is no chair, a
// "desk lamp" no desk, and a "bed with storage" stays a bed. What decides is
// English grammar: the head of a noun phrase is its last noun, what comes after a
// preposition only adds to it, and parts and accessories are not what they belong
// to. Some words before a product make it something else: a "dog bed" is no bed, and
// which words do is the taxonomy's to say ("foreign"). The grammar is here; which noun belongs to which category comes from the
// taxonomy, so that a user's own file works offline too.
//
//	text -> words -> lexemes -> noun phrases -> votes -> category, confidence
//	      scanner   trie       head, object      by field
//	                  |
//	                  +-> clues: hints, styles, colours, places
//
// For "Oak TV bench with drawers, 120 cm": the scanner drops the number and its
// unit, the trie finds "tv bench" (the longest phrase that begins there) and
// "drawer", the head of the first phrase votes for STORAGE, and "drawer", behind
// a preposition, adds a little.
//
// The trade-off is that only known nouns are seen. An item whose head is unknown
// falls to the taxonomy's fallback, and where an unknown word follows the last known
// noun ("table salt") that noun's vote is shared with the fallback; the confidence
// says so in both cases. In return an
// answer costs microseconds, is the same every time, and can be explained by the
// words in it.
//
//	c, err := lexicon.New(t)
//	if err != nil {
//		return err
//	}
//	v := c.Classify(&catalog.Item{Name: "Brass desk lamp"}) // v.Category: LIGHTING
package lexicon
