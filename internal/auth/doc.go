// Package auth decides which caller may call which service.
//
// The problem: one server has callers that it knows by name, from a file, and
// another knows none and is still not to be operated by every machine and every web
// page that reaches it.
//
//	service                 with a token file      without one
//	ClassificationService   scope classify         every caller
//	JobService              scope classify         every caller, for all jobs *
//	ReviewService, uploads  scope classify         every caller, for all jobs *
//	OperationsService       scope operate          connections within this machine *
//	reflection              any known caller       every caller
//	health                  every caller           every caller
//	anything else           no caller              no caller
//
//	* over HTTP, if Host is a name of the loopback device and Origin is absent or
//	  the same
//
// A known caller shows a bearer token, or connects with a verified client
// certificate whose name the file has. Reflection asks for one of them because it
// shows the whole contract; health does not, because load balancers have neither.
//
// The file is read again when it changes. A caller that was taken out of it, or whose
// access has expired, is refused from its next call on; its calls in flight end as they
// would have, because what they have asked is paid for.
//
// The trade-off: without a token file nothing but the connection counts, so the
// callers of a proxy on the same machine look local. Behind one, a token file is
// needed.
//
//	authority := auth.New(tokens) // nil: no caller is known
//	identity := authority.Identify(auth.Call{Authorization: header, Local: local, Remote: remote})
//	if err := identity.May("credenza.v1.JobService"); err != nil { ... }
package auth
