package catalog

import (
	"context"
	"time"
)

// Lookup is a question to the cache of answers.
type Lookup struct {
	Key    Fingerprint
	Policy CachePolicy
	// Provisional says that the key goes by where a picture is to come from: what is
	// there may change, and a lookup by the picture itself follows.
	Provisional bool
	// Priority is the class in which the work would wait. An interactive caller shares
	// no work that waits as bulk; a bulk caller shares either.
	Priority Priority
	// Budget is the question's. Work is shared only by callers with equal budgets, so
	// that none is bound by that of another.
	Budget time.Duration
	// Joined is called if the work is in flight already, before the wait for it. Nil:
	// not called.
	Joined func()
}

// Work answers a question that has no answer in the cache.
type Work func(ctx context.Context) (Answer, error)
