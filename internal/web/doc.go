// Package web is the HTTP edge: the endpoint of the original service, the gRPC
// services for callers that have HTTP only, and the endpoints for probes and scrapers.
//
// The problem: callers without gRPC send a whole table in one request, as a
// spreadsheet has written it, and read the answer line by line. Many of them leave,
// stall and come back at any time, which must not slow down the others.
//
//	listener -> CORS -> pace, log, metrics -> POST /classify-category -> request -> rows -> Engine -> events
//	                                       -> /SERVICE/METHOD         -> Services
//	                                       -> POST /v1/uploads        -> Uploads
//	                                       -> GET /, /ui/, /health, /metrics, /healthz, /readyz
//
// A request is kept as its rows' own bytes. Each row becomes an item when the engine
// has room for it, and is then freed. One goroutine writes the answer, event by event,
// so that a slow reader holds up only its own call's window.
//
// The trade-off: no time-out bounds an answer as a whole, because it takes as long
// as the model does. Silence is bounded instead: while a caller sends (a minimum
// rate) and while it does not read (Config.WriteTimeout).
//
//	server, err := web.New(web.Config{MaxItems: 100_000}, web.Parts{Engine: engine, ...})
//	...
//	go server.Serve(listener)
//	...
//	server.Drain(ctx)    // calls may end
//	server.Shutdown(ctx) // then connections
package web
