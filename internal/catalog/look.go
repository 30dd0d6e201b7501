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
	// Budget is the question's. Work is shared by those of equal budgets, so that
	// nobody is bound by another's.
	Budget time.Duration
}

// Work is what answers a question that was not answered before.
type Work func(ctx context.Context) (Answer, error)
