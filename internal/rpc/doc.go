// Package rpc is the gRPC edge: it converts messages to the nouns of catalog and
// faults to statuses, and refuses calls that their callers may not make.
//
// The problem: an engine that knows nothing of networks is offered to callers that
// send anything, read slowly and leave at any time. Each of them gets a clear
// answer, even while the process goes down.
//
//	listener -> identify -> metrics -> log -> faults -> recovery -> arrival -> admit -> authorize -> checks -> handler -> Engine
//	                                                                                        convert
//
// Handlers only check, convert, call and convert back. Interceptors do the rest, in
// an order that matters; see interceptors.go. One grpc.Server owns them all, so that
// calls over HTTP (Server.HTTP) go through the same checks, logs, metrics and faults.
//
// The trade-off: shutting down is done here and not by grpc.Server, whose graceful
// stop refuses new calls by closing connections and waits for all calls alike. A
// drain answers new calls with the reason, lets streams and uploads end, and ends
// feeds and watches at once. It costs one lock per call.
//
// The limit on a message's bytes does not bound the memory that decoding takes, so
// the codec counts items and their parts first; see codec.go.
//
// A message with more bytes than the limit ends its call when its length arrives, so that
// gRPC, which would answer without a reason, never sees the end of it. The Go client
// refuses too large a request itself, as INVALID_ARGUMENT.
//
//	server, err := rpc.NewServer(rpc.Config{Models: []string{"gpt-6-luna"}}, rpc.Parts{Engine: engine, ...})
//	...
//	go server.Serve(listener)
//	server.SetReady(true)
//	...
//	server.Shutdown(ctx)
package rpc
