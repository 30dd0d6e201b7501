package auth

import (
	"cmp"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The services, by the names of the contract.
const (
	classification = "credenza.v1.ClassificationService"
	jobs           = "credenza.v1.JobService"
	review         = "credenza.v1.ReviewService"
	operations     = "credenza.v1.OperationsService"
	health         = "grpc.health.v1.Health"
	reflection     = "grpc.reflection." // what its versions begin with
)

// rule is what a service asks of its callers.
type rule struct {
	scope   Scope // with a token file; 0: any known caller
	private bool  // without one: over HTTP, not for pages of others
	local   bool  // without one: for connections within this machine
}

func ruleOf(service string) (r rule, known bool) {
	switch {
	case service == classification:
		return rule{scope: ScopeClassify}, true
	case service == jobs, service == review:
		return rule{scope: ScopeClassify, private: true}, true
	case service == operations:
		return rule{scope: ScopeOperate, private: true, local: true}, true
	case strings.HasPrefix(service, reflection):
		return rule{}, true
	default:
		return rule{}, false
	}
}

// Authority knows the callers of a server. It is safe for concurrent use.
type Authority struct {
	tokens atomic.Pointer[Tokens] // nil: no caller is known by name
	calls  atomic.Int64
	file   tokenFile
}

// New returns the authority of a server. Without tokens it knows no caller by name.
func New(tokens *Tokens) *Authority {
	a := &Authority{}
	a.tokens.Store(tokens)
	return a
}

// Call is what is known of a call before it is admitted.
type Call struct {
	// Authorization has the values of the header.
	Authorization []string
	// Local and Remote are the ends of the connection. Nil: not known.
	Local, Remote net.Addr
	// TLS is the connection's. Nil: it is plain text.
	TLS *tls.ConnectionState
	// Page is what HTTP says of the page that calls.
	Page Page
}

// Identity is a call's caller. It is immutable.
type Identity struct {
	id         string // unique in the process
	name       string // in the token file; empty: not known
	connection string
	scopes     Scope
	open       bool  // the server knows no callers by name
	local      bool  // the connection is
	page       Page  // that calls
	refusal    error // says why the caller is not known
}

// Identify returns the caller's identity. It refuses no call: May does.
func (a *Authority) Identify(c Call) *Identity {
	tokens := a.tokens.Load()
	i := &Identity{
		// No name in the file has a colon, so none of them can be taken for these.
		id:         "call:" + strconv.FormatInt(a.calls.Add(1), 10),
		connection: nameOf(c.Local, c.Remote),
		open:       tokens == nil, local: isLocal(c.Local, c.Remote), page: c.Page,
	}
	if i.open {
		return i
	}
	known, err := tokens.identify(c)
	if err != nil {
		i.refusal = err
		return i
	}
	i.name, i.scopes = known.name, known.scopes
	return i
}

// identify finds the caller that a token or else a certificate names. Browsers send
// certificates for pages of every origin, so those of others do not count.
func (t *Tokens) identify(c Call) (caller, error) {
	if len(c.Authorization) == 0 && !c.Page.CrossOrigin {
		if known, ok := t.findCertificate(c.TLS); ok {
			return known.inForce()
		}
	}
	token, err := bearerToken(c.Authorization)
	if err != nil {
		return caller{}, err
	}
	known, ok := t.find(token)
	if !ok {
		return caller{}, fault.New(fault.Unauthenticated, "the token is not known here: check it, or ask the operator for one")
	}
	return known.inForce()
}

// inForce returns the caller unless it has expired.
func (c *caller) inForce() (caller, error) {
	if c.expired() {
		return caller{}, fault.New(fault.Unauthenticated, "the access of %q has expired: ask the operator for a new token", c.name)
	}
	return *c, nil
}

func bearerToken(values []string) (string, error) {
	if len(values) == 0 {
		return "", fault.New(fault.Unauthenticated, `a token is needed: send the header "authorization: Bearer TOKEN"`)
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", fault.New(fault.Unauthenticated, `one token is expected: send the header "authorization: Bearer TOKEN" once`)
	}
	return token, nil
}

// May returns nil if the caller may call the service, else the fault that the call
// ends with.
func (i *Identity) May(service string) error {
	need, known := ruleOf(service)
	switch {
	case service == health:
		return nil
	case !known:
		return fault.New(fault.PermissionDenied, "this service is not open to callers")
	case i.open:
		return i.mayUnnamed(need)
	case i.refusal != nil:
		return i.refusal
	case i.scopes&need.scope != need.scope:
		return fault.New(fault.PermissionDenied, "the caller %q lacks the scope %q: ask the operator for it", i.name, need.scope)
	}
	return nil
}

// mayUnnamed is May on a server that knows no caller by name.
func (i *Identity) mayUnnamed(need rule) error {
	switch {
	case need.local && !i.local:
		return fault.New(fault.PermissionDenied,
			"this server has no token file, so it is operated from its own machine only: set up tokens to operate it from elsewhere")
	case need.private && i.page.foreign():
		return fault.New(fault.PermissionDenied,
			"this server has no token file, so over HTTP this is for localhost and its own pages: set up tokens")
	}
	return nil
}

// Caller returns the caller as the engine knows it: calls of one name share one turn
// at the model, all others have one each. What they may have waiting is bounded for
// each name, else for each connection.
func (i *Identity) Caller() catalog.Caller {
	if i.name != "" {
		return catalog.Caller{ID: i.name}
	}
	return catalog.Caller{ID: i.id, Connection: i.connection}
}

// Owner returns the owner of the jobs that the caller makes and sees: its name's own,
// and with the scope operate all jobs. Without a token file they are every caller's.
func (i *Identity) Owner() catalog.Owner {
	return catalog.Owner{Name: i.name, All: i.open || i.scopes&ScopeOperate != 0}
}

// Share returns the name by which what the caller sends is counted, and whether the
// caller is known, as all are without a token file.
func (i *Identity) Share() (name string, known bool) {
	if i.name != "" {
		return "token:" + i.name, true
	}
	return cmp.Or(i.connection, i.id), i.open
}

// Caps returns the caps of the caller with that name, and false if there can be none: a
// token file is not used, or the name is none of it. A caller that is not in the file any
// more, whose jobs may go on, has the caps of all.
func (a *Authority) Caps(name string) (caps catalog.Caps, named bool) {
	tokens := a.tokens.Load()
	if tokens == nil || !callerName.MatchString(name) {
		return catalog.Caps{}, false
	}
	for i := range tokens.callers {
		if tokens.callers[i].name == name {
			return tokens.callers[i].caps, true
		}
	}
	return tokens.caps, true
}

// Names returns the callers that the server knows, in the order of the file.
func (a *Authority) Names() (names []string) {
	if tokens := a.tokens.Load(); tokens != nil {
		for i := range tokens.callers {
			names = append(names, tokens.callers[i].name)
		}
	}
	return names
}
