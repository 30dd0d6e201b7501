package rpc

import (
	"context"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
)

// identified returns a context that has the identity of the call's caller. The first
// call of it finds the identity.
func (s *Server) identified(ctx context.Context) context.Context {
	if auth.From(ctx) != nil {
		return ctx
	}
	return auth.With(ctx, s.authority.Identify(callOf(ctx)))
}

// identityOf returns the identity of a call's caller.
func identityOf(ctx context.Context) *auth.Identity {
	if i := auth.From(ctx); i != nil {
		return i
	}
	return &auth.Identity{} // which may call nothing but health
}

// callOf returns what is known of a call over gRPC.
func callOf(ctx context.Context) auth.Call {
	call := auth.Call{Authorization: metadata.ValueFromIncomingContext(ctx, "authorization")}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return call
	}
	call.Local, call.Remote = p.LocalAddr, p.Addr
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		call.TLS = &info.State
	}
	return call
}

// identify is an interceptor that finds the caller.
func (s *Server) identify(ctx context.Context, _ string, next func(context.Context) error) error {
	return next(s.identified(ctx))
}

// authorize is an interceptor that refuses a call of a service that is not for its
// caller.
func authorize(ctx context.Context, method string, next func(context.Context) error) error {
	if err := identityOf(ctx).May(serviceOf(method)); err != nil {
		return err
	}
	return next(ctx)
}

func callerOf(ctx context.Context) catalog.Caller { return identityOf(ctx).Caller() }

// seesAll reports whether the caller may know what others have asked: without a token
// file all do, else those that operate.
func seesAll(ctx context.Context) bool { return ownerOf(ctx).All }

func ownerOf(ctx context.Context) catalog.Owner { return identityOf(ctx).Owner() }
