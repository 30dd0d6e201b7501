package flight

import (
	"context"
	"time"
)

// WithTimeout is context.WithTimeout for work that others may join: the time-out
// holds although the deadline of ctx may move past it later on. Until the context
// ends, its deadline is the time-out's, also where that of ctx comes first.
func WithTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(undated{ctx}, limit)
}
