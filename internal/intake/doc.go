// Package intake bounds what callers may have the process hold: the bytes that
// have arrived and are not handled yet, on all ports together.
//
// A message has to be in memory as a whole before it can be decoded, so a caller
// that sends many large ones at once, or never sends the last byte of any, fills the
// memory of the process. Three bounds stand against that:
//
//	Budget   how many bytes are held at once, by all callers and by each of them
//	pace     how slowly a message may arrive before it is given up
//	patient  how long a caller may take nothing of what is written to it
//
// An Inbound is what one call holds. Over gRPC, a Conn reads along in the frames
// of HTTP/2 and charges each call with its DATA; over HTTP, the handler charges
// what it reads of a body:
//
//	in := budget.Open("token:shop", nil)
//	defer in.Close()
//	in.Arrived(bytes)    // from the network
//	err := in.Wait(ctx)  // until the caller may send more
//	in.Release(n)        // when n of them are handled
//
// Charging never fails and never waits; only reading more does. So what is held
// may exceed the budget by what one read of each connection brings, 32 KiB.
package intake
