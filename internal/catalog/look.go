package catalog

import (
	"context"
	"time"
)

// Look is a question to what was answered before.
type Look struct {
	Key    Fingerprint
	Policy CachePolicy
	// Provisional says that the key goes by where a picture is to come from: what is
	// there may change, and a look by the picture itself follows.
	Provisional bool
	// Priority is the class in which the work would wait. What is urgent shares no
	// work that waits as bulk; what is bulk shares either.
	Priority Priority
	// Budget is the question's. Work is shared only by callers with equal budgets, so
	// that none is bound by that of another.
	Budget time.Duration
	// Joined is called if the work is in flight already, before the wait for it. Nil:
	// not called.
	Joined func()
}

// Work is what answers a question that was not answered before.
type Work func(ctx context.Context) (Answer, error)
