package rpc

import (
	"context"
	"net"
	"net/http"
	"strings"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// authority decides who may call what.
//
//	service                 with tokens            without tokens
//	ClassificationService   scope classify         everybody
//	JobService              scope classify         everybody, for all jobs
//	OperationsService       scope operate          this machine, on an address that
//	                                               only this machine can reach
//	reflection              any known token        everybody
//	health                  everybody              everybody
//	anything else           nobody                 nobody
//
// Reflection asks for a token because it shows the whole contract; grpcurl sends
// one with -H "authorization: Bearer TOKEN". Health asks for none because load
// balancers have none. Whose jobs a caller sees is ownerOf's answer.
type authority struct{ tokens *Tokens }

func (a *authority) around(ctx context.Context, method string, next func(context.Context) error) error {
	if err := a.check(ctx, serviceOf(method)); err != nil {
		return err
	}
	return next(ctx)
}

func (a *authority) check(ctx context.Context, service string) error {
	if service == grpc_health_v1.Health_ServiceDesc.ServiceName {
		return nil
	}
	need, known := scopeFor(service)
	if !known {
		return fault.New(fault.PermissionDenied, "this service is not open to callers")
	}
	if a.tokens == nil {
		recordOf(ctx).all = true
		return checkOpen(ctx, need)
	}
	return a.checkToken(ctx, need)
}

// scopeFor returns what a service asks for, 0 for any token.
func scopeFor(service string) (need Scope, known bool) {
	switch {
	case service == credenzav1.ClassificationService_ServiceDesc.ServiceName,
		service == credenzav1.JobService_ServiceDesc.ServiceName:
		return ScopeClassify, true
	case service == credenzav1.OperationsService_ServiceDesc.ServiceName:
		return ScopeOperate, true
	case isReflection(service):
		return 0, true
	default:
		return 0, false
	}
}

func checkOpen(ctx context.Context, need Scope) error {
	if need != ScopeOperate {
		return nil
	}
	if p, ok := peer.FromContext(ctx); ok && isLocal(p.Addr) && isLocal(p.LocalAddr) {
		return nil
	}
	return fault.New(fault.PermissionDenied,
		"this server knows no callers, so it is operated from its own machine and address 127.0.0.1 only: set up tokens to operate it from elsewhere")
}

func (a *authority) checkToken(ctx context.Context, need Scope) error {
	return a.identify(recordOf(ctx), metadata.ValueFromIncomingContext(ctx, "authorization"), need)
}

// identify finds out whose token it is, and whether that is enough.
func (a *authority) identify(rec *record, authorization []string, need Scope) error {
	token, err := bearerToken(authorization)
	if err != nil {
		return err
	}
	c, ok := a.tokens.find(token)
	if !ok {
		return fault.New(fault.Unauthenticated, "the token is not known here: check it, or ask the operator for one")
	}
	rec.name, rec.all = c.name, c.scopes&ScopeOperate != 0
	if c.scopes&need != need {
		return fault.New(fault.PermissionDenied, "the token of %q lacks the scope %q: ask the operator for it", c.name, need)
	}
	return nil
}

// Caller returns who makes a call for classifications that comes by HTTP, whose
// context it is, with what its authorization headers say. Calls of both ways with one
// token share one turn at the model. The error is the fault that a gRPC call would
// have ended with; the caller is told even then, for the log.
func (s *Server) Caller(ctx context.Context, authorization []string) (catalog.Caller, error) {
	local, _ := ctx.Value(http.LocalAddrContextKey).(net.Addr)
	rec := s.recorder.begin(local)
	var err error
	if s.authority.tokens != nil {
		err = s.authority.identify(rec, authorization, ScopeClassify)
	}
	return rec.caller(), err
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
