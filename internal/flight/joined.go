package flight

import "context"

type joinedKey struct{}

// WhenJoined returns a context for Share, which calls told where the work is under
// way already. Nil: nobody is told, as in the work itself, which has the context's
// values.
func WhenJoined(ctx context.Context, told func()) context.Context {
	return context.WithValue(ctx, joinedKey{}, told)
}
