package broker

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Read returns the value under a key and its revision; nil and 0 if there is none.
func (v *Values) Read(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	kv, err := v.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	entry, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return entry.Value(), entry.Revision(), nil
}

// Replace stores a value if the key still has the revision, and returns the new one; 0
// if another value came first.
func (v *Values) Replace(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	kv, err := v.open(ctx)
	if err != nil {
		return 0, err
	}
	now, err := kv.Update(ctx, key, value, revision)
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return 0, nil
	}
	return now, err
}
