package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Values stores small values under keys, for all replicas: what was learned and can be
// learned again. It is safe for concurrent use.
type Values struct {
	broker *Broker
	name   string
	log    *zap.Logger

	mu sync.Mutex
	kv jetstream.KeyValue // nil until it is opened
}

// Bounds of a store of small values.
const (
	valuesBytes = 1 << 20
	valuesTime  = time.Second
)

// Values returns the store of that name. One that cannot be created now is created later.
func (b *Broker) Values(name string, log *zap.Logger) *Values {
	v := &Values{broker: b, name: name, log: log}
	ctx, cancel := context.WithTimeout(context.Background(), valuesTime)
	defer cancel()
	if _, err := v.open(ctx); err != nil {
		log.Debug("a store of small values is not there yet", zap.String("store", name), zap.Error(err))
	}
	return v
}

// Load returns the value under a key, nil if there is none, or none within a second.
func (v *Values) Load(key string) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), valuesTime)
	defer cancel()
	value, _, _ := v.Read(ctx, key) // without it, it is learned again
	return value
}

// Save stores a value under a key, within a second or not at all.
func (v *Values) Save(key string, value []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), valuesTime)
	defer cancel()
	kv, err := v.open(ctx)
	if err == nil {
		_, err = kv.Put(ctx, key, value)
	}
	if err != nil {
		v.log.Debug("what was learned cannot be stored, and will be learned again", zap.String("store", v.name), zap.Error(err))
	}
}

// open opens the store once. A data folder that was lost is not touched.
func (v *Values) open(ctx context.Context) (jetstream.KeyValue, error) {
	if err := v.broker.Lost(); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kv != nil {
		return v.kv, nil
	}
	kv, err := v.broker.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: v.name, MaxBytes: valuesBytes, Storage: jetstream.FileStorage, Replicas: v.broker.Replicas(),
	})
	if err == nil {
		v.kv = kv
	}
	return kv, err
}

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
