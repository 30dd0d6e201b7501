package auth

import (
	"context"
	"net/http"

	"github.com/credenza-dev/credenza/internal/catalog"
)

type identityKey struct{}

// With returns a context in which From finds a call's caller.
func With(ctx context.Context, i *Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// From returns the caller of the call whose context it is, nil if it was not found yet.
func From(ctx context.Context) *Identity {
	i, _ := ctx.Value(identityKey{}).(*Identity)
	return i
}

// Identified returns a request whose context has its caller, so that it is found once for all
// that asks for it.
func (a *Authority) Identified(r *http.Request) *http.Request {
	if From(r.Context()) != nil {
		return r
	}
	return r.WithContext(With(r.Context(), a.Identify(CallOf(r))))
}

// Share is Identity.Share for a request over HTTP.
func (a *Authority) Share(r *http.Request) (name string, known bool) { return a.of(r).Share() }

// Caller returns the caller of a request for classifications, for the engine. The
// error is the fault that May returns; the caller is valid even then, for the log.
func (a *Authority) Caller(r *http.Request) (catalog.Caller, error) {
	i := a.of(r)
	return i.Caller(), i.May(classification)
}

// Uploader returns the caller of a request that uploads a file for ReviewService, the owner
// that the file is to have, and the fault that May returns.
func (a *Authority) Uploader(r *http.Request) (catalog.Caller, catalog.Owner, error) {
	i := a.of(r)
	return i.Caller(), i.Owner(), i.May(review)
}

func (a *Authority) of(r *http.Request) *Identity { return From(a.Identified(r).Context()) }
