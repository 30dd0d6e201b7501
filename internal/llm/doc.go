// Package llm asks a model behind an OpenAI-compatible API what an item is.
//
// One question can take several calls: servers throttle, break, hang, answer
// garbage, and refuse parameters that others demand. Ask hides all of it behind
// one classification or one fault. It is the only place that decides whether to try
// again; when, and with which key, is the gate's decision:
//
//	Ask: +-> Acquire --lease--> call ---> read --+--> classification, or final fault
//	     |   (waits here,                        |
//	     |    holding nothing)                   |
//	     +------ need with a not-before time <---+   the lease is settled first
//
// Limits nest: an attempt has Config.AttemptTimeout, an item Config.MaxAttempts of one kind of
// failure, twice as many of all, and the deadline of its context. Failures on the way to a
// server that answers others end an item once they are too many to be chance, and so do 429s.
// Otherwise a 429 is not counted as an attempt, since waiting for quota is not the item's
// fault; nor is a refused key, a model that is being loaded, or a call that only taught us
// what the server cannot do.
//
// What a server can do is learned from its answers, never by test calls: if
// it refuses the schema, log-probabilities, the temperature or a token limit by
// name, the same question goes again without, and so do all later ones to that
// server and model.
//
// The trade-off is in the use of openai-go. It keeps the endpoint's conventions
// (headers, authentication, redirects that cannot carry a key elsewhere), but its
// retries are off, since they would sleep on a slot, and its typed parameters and
// replies are passed by, since reflection over them costs more than the rest of a
// call: the request is appended to one buffer, and the reply is read for the few
// fields that matter.
//
//	c, err := llm.New(llm.Config{Model: "gpt-6-luna"}, gate, prompts)
//	defer c.Close()
//	answer, err := c.Ask(ctx, catalog.Question{Item: item})
package llm
