// Package prompt turns an item into the question that a model is asked, and the
// model's reply into a verdict. It is pure: no network, no clock, no state.
//
// The problem has two halves. A provider reads the beginning of a prompt from
// its cache only if it is the same bytes every time and at least 1,024 tokens
// long; so everything that is fixed (the rules, the categories, the styles)
// stands in the system text, and the user text holds the item and nothing else.
// And a reply cannot be trusted: some servers enforce the schema, some accept it
// and ignore it, and what an item says may be meant for the model instead of
// for the shopper.
//
//	taxonomy --New--> Prompt --System, Schema--> fixed part of every call
//	item -------------AppendUser---------------> the data of one call
//	reply ------------Parse--------------------> catalog.Verdict, or MalformedAnswer
//	tokens -----------Confidence---------------> probability of the category
//
// The trade-off is in the schema's order: the category comes first, before the
// reasoning. A model that reasons first classifies a little better, but is then
// certain of whatever it argued for, and its token probabilities say nothing.
//
//	p, err := prompt.New(tax)
//	text := p.AppendUser(nil, item, false)
//	verdict, err := p.Parse(reply)
package prompt
