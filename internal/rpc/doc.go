// Package rpc is the gRPC edge: it turns messages into the nouns of catalog,
// faults into statuses, and keeps out who may not come in.
//
// The problem: an engine that knows nothing of networks has to be offered to
// callers who send what they like, read as slowly as they like, leave when they
// like, and are owed a clear answer all the same, even while the process goes
// down.
//
//	listener -> identify -> metrics -> log -> faults -> recovery -> arrival -> letIn -> authorize -> checks -> handler -> Engine
//	                                                                                        convert
//
// Handlers only check, convert, call and convert back. All else is an
// interceptor's work, and their order matters; see interceptors.go. One
// grpc.Server owns them all, so that whatever else brings calls to it, such as a
// transcoder for HTTP (Server.HTTP), goes through the same checks, logs, metrics
// and faults.
//
// The trade-off: shutting down is done here and not by grpc.Server, whose
// graceful stop refuses new calls by hanging up and waits for everybody alike.
// A drain tells new callers why, lets streams and uploads end, ends feeds and
// watches at once, and costs one lock per call for it.
//
// The limit on a message's bytes does not bound the memory that decoding takes, so
// the codec counts items and their parts first; see codec.go.
//
// One answer is gRPC's own and not in the fault table: a message with more bytes
// than the limit fails its call with RESOURCE_EXHAUSTED and no details. gRPC looks
// at the length that announces a message, and sends that status itself before any
// code here can have a say; a unary call is then neither logged nor counted. The
// Go client refuses too large a request itself, as INVALID_ARGUMENT.
//
//	server, err := rpc.NewServer(rpc.Config{Models: []string{"gpt-6-luna"}}, rpc.Parts{Engine: engine, ...})
//	...
//	go server.Serve(listener)
//	server.SetReady(true)
//	...
//	server.Shutdown(ctx)
package rpc
