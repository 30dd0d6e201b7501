// Package web is the HTTP edge: the interface that clients of the original
// service speak, the gRPC services for those who have HTTP only, and what probes
// and scrapers ask for.
//
// The problem: callers who know nothing of gRPC send a whole table in one
// request, with whatever a spreadsheet has made of it, and read the answer line by
// line while it is being found. They leave, stall and come back as they like, in
// numbers, and expect that nothing of it is felt by the others.
//
//	listener -> CORS -> pace, log, metrics -> POST /classify-category -> request -> rows -> Engine -> events
//	                                       -> /SERVICE/METHOD         -> Services
//	                                       -> GET /, /health, /metrics, /healthz, /readyz
//
// A request is read as it comes and kept as its rows' own bytes; each row becomes
// an item when the engine has room for it, and is let go of. The answer is written
// by one goroutine, event by event, so that a caller who reads slowly holds up the
// call's own window and nothing else.
//
// The trade-off: no time-out bounds an answer as a whole, because it takes as long
// as the model does. What is bounded is silence: of a caller who sends (a least
// rate), and of one who does not read (Config.WriteTimeout).
//
//	server, err := web.New(web.Config{MaxItems: 100_000}, web.Parts{Engine: engine, ...})
//	...
//	go server.Serve(listener)
//	...
//	server.Drain(ctx)    // calls may end
//	server.Shutdown(ctx) // then connections
package web
