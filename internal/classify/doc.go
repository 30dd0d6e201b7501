// Package classify is the engine: the order of an item's steps, the bounds of a
// call, and the batches.
//
// The problem: a call brings any number of items, each of which takes between a
// few microseconds and two minutes, and may fail on its own. Waiting for a whole
// group before the next one begins leaves the model idle, and starting
// everything at once leaves nothing for anybody else.
//
//	Source -> admit -> one goroutine an item -> deliver -> Sink
//	           |        check, picture, ask        |
//	           +------------- window --------------+
//
// One goroutine admits items while the call's window has room, each admitted
// item has a goroutine of its own, and the caller's goroutine collects outcomes
// into batches and hands them on. There is no barrier between batches: a slow
// item delays its own batch at most. How many questions are asked at once is
// the backend's affair, for the whole process; the window only bounds what a
// call may have begun, so that a reader that stops reading stops its own
// admission and nothing else.
//
// The trade-off: an admitted item costs a goroutine (some 4 KiB) while it waits
// for the model. With windows of a few hundred that is cheaper than any queue
// of continuations would be to read.
package classify
