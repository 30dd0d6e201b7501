// Package classify is the engine: the order of an item's steps, the bounds of a
// call, and the batches.
//
// The problem: a call brings any number of items, each of which takes between a
// few microseconds and two minutes, and may fail on its own. Waiting for a whole
// group before the next one begins leaves the model idle, and starting
// everything at once leaves nothing for other callers.
//
//	Source -> admit -> one goroutine an item -> deliver -> Sink
//	           |        check, picture, ask        |
//	           +------------- window --------------+
//
// One goroutine admits items while the call's window has room, each admitted
// item has a goroutine of its own, and the caller's goroutine collects outcomes
// into batches and sends them. There is no barrier between batches: a slow item
// delays at most its own batch. The backend bounds how many questions are asked at
// once, for the whole process. The window bounds the items that a call has begun, so
// that a reader that stops reading stops the admission of its own call only.
//
// The trade-off: an admitted item costs a goroutine (some 4 KiB) while it waits
// for the model. With windows of a few hundred, a queue of continuations would save
// little and be hard to read.
package classify
