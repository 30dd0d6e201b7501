// Package prompt turns an item into the question for a model, and the model's reply into
// a classification. It has no network, clock or state.
//
//	taxonomy --New--> Prompt --System, Schema--> fixed part of every call
//	item -------------AppendUser---------------> the data of one call
//	reply ------------Parse--------------------> catalog.Classification, or MalformedAnswer
//	tokens -----------Confidence---------------> probability of the category
//
// Providers cache the beginning of a prompt if it is always the same and has at least
// 1,024 tokens. So the rules, categories and styles are in the system text, and the user
// text has only the item.
//
// A reply is not trusted: some servers ignore the schema, and an item may contain text
// that is meant for the model. The category is first in the schema, before the
// reasoning. A model that reasons first classifies a little better, but is then certain
// of its argument, and the probabilities of its tokens mean nothing.
package prompt
