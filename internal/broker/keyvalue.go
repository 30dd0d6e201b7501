package broker

import (
	"context"
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

// Values returns the store of that name. One that cannot be made now is made later.
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
	kv, err := v.open(ctx)
	if err != nil {
		return nil
	}
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return nil
	}
	return entry.Value()
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
