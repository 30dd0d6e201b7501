package catalog

import "context"

// Look is a question to what was answered before.
type Look struct {
	Key    Fingerprint
	Policy CachePolicy
	// Provisional says that the key goes by where a picture is to come from: what is
	// there may change, and a look by the picture itself follows.
	Provisional bool
}

// Work is what answers a question that was not answered before.
type Work func(ctx context.Context) (Answer, error)
