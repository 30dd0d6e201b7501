package catalog

import (
	"context"
	"time"
)

// Lookup is a request to the cache of answers.
type Lookup struct {
	Key    Fingerprint
	Policy CachePolicy
	// Provisional is true for a key from a picture's address. The picture there may
	// change, and a lookup by the picture itself follows.
	Provisional bool
	// Priority is the priority with which the work would wait. An interactive caller
	// does not join work that waits as bulk; a bulk caller joins either.
	Priority Priority
	// Budget is the question's budget. Only callers with equal budgets share work, so that
	// no caller is bound by another's.
	Budget time.Duration
	// Joined is called before the wait if the caller joins work in flight. Nil: it is not
	// called.
	Joined func()
}

// Work answers a question that has no answer in the cache.
type Work func(ctx context.Context) (Answer, error)
