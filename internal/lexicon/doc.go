// Package lexicon classifies items by their words alone: without a key, and as the
// fallback if the model cannot answer.
//
// A product's name contains the names of other products: a "chair pad" is not a chair,
// and a "bed with storage" is a bed. English grammar decides: the head of a noun phrase
// is its last noun, a preposition begins an addition, and parts and accessories are not
// the product they belong to. Foreign words change the product after them: a "dog bed"
// is not a bed. The grammar is here, and the taxonomy has the nouns of each category, so
// that a user's own file works offline too.
//
//	text -> words -> lexemes -> noun phrases -> votes -> category, confidence
//	      scanner   trie       head, object      by field
//	                  |
//	                  +-> clues: hints, styles, colours, places
//
// In "Oak TV bench with drawers, 120 cm", the scanner drops the number and its unit, the
// trie finds "tv bench" (the longest phrase that begins there) and "drawer", the head of
// the first phrase votes for STORAGE, and "drawer", after a preposition, adds a little.
//
// Texts in other languages are read by a grammar of a few words each, with the terms that
// the taxonomy has in the language: the first noun decides in "lampe de bureau", the last
// part of a compound in "Nachttischlampe". The common words of a text tell its language.
//
// Only known nouns are found. An item without one gets the taxonomy's fallback. If an
// unknown word follows the last known noun ("table salt"), the noun shares its vote with
// the fallback. The confidence is low in both cases, as it is for a
// text in a language without terms. In return, an answer takes
// microseconds, is the same every time, and names the words that decided.
package lexicon
