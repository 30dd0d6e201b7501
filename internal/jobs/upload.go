package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/record"
)

const (
	// objectTime is for storing or loading one object.
	objectTime = 30 * time.Second
	// uploadAhead is how many chunks of an upload are on their way to the store.
	uploadAhead = 16
)

// upload is a job's items on their way into the store. It is for one goroutine.
type upload struct {
	store   *store
	name    string
	bucket  jetstream.ObjectStore // nil: no item needed it
	chunk   chunk
	bytes   int // of the chunk
	chunks  int64
	items   int64
	waiting []jetstream.PubAckFuture
}

func (st *store) newUpload() *upload { return &upload{store: st, name: newName()} }

// add takes an item that is to have the index.
func (u *upload) add(ctx context.Context, it *catalog.Item, index int64) error {
	size := it.Size()
	stored := size > maxItemBytes
	if stored {
		if err := u.addObject(ctx, it, index); err != nil {
			return err
		}
		it, size = &catalog.Item{}, 0
	}
	if len(u.chunk.items) > 0 && u.bytes+size > u.store.maxChunk {
		if err := u.send(ctx); err != nil {
			return err
		}
	}
	if stored {
		if u.chunk.objects == nil {
			u.chunk.objects = map[int]bool{}
		}
		u.chunk.objects[len(u.chunk.items)] = true
	}
	u.chunk.items = append(u.chunk.items, *it)
	u.chunk.indexes = append(u.chunk.indexes, index)
	u.bytes += size
	u.items++
	if len(u.chunk.items) == maxChunkItems {
		return u.send(ctx)
	}
	return nil
}

func (u *upload) addObject(ctx context.Context, it *catalog.Item, index int64) error {
	b, err := record.EncodeItems([]catalog.Item{*it})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	if u.bucket == nil {
		if u.bucket, err = u.store.newBucket(ctx, u.name); err != nil {
			return err
		}
	}
	_, err = u.bucket.PutBytes(ctx, objectName(index), b)
	return err
}

// newBucket makes an upload's bucket, which may take what the others leave of the
// room for items.
func (st *store) newBucket(ctx context.Context, upload string) (jetstream.ObjectStore, error) {
	room := st.config.MaxBytes / 2
	buckets := st.js.ObjectStores(ctx)
	for status := range buckets.Status() {
		if strings.HasPrefix(status.Bucket(), objectsPrefix) {
			room -= int64(status.Size())
		}
	}
	if err := buckets.Error(); err != nil {
		return nil, err
	}
	if room <= 0 {
		return nil, storageFull(errors.New("no room for objects"))
	}
	return st.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: objectsBucket(upload), Storage: jetstream.FileStorage, MaxBytes: room, Replicas: st.config.Replicas,
	})
}

// send has the chunk stored, without waiting for it.
func (u *upload) send(ctx context.Context) error {
	if len(u.chunk.items) == 0 {
		return nil
	}
	b, err := u.chunk.encode()
	if err != nil {
		return err
	}
	future, err := u.store.js.PublishMsgAsync(&nats.Msg{Subject: chunkSubject(itemsPrefix, u.name, u.chunks), Data: b})
	if err != nil {
		return err
	}
	u.chunks++
	u.chunk, u.bytes = chunk{}, 0
	u.waiting = append(u.waiting, future)
	return u.settle(ctx, uploadAhead)
}

// settle waits until no more than n chunks are on their way.
func (u *upload) settle(ctx context.Context, n int) error {
	for len(u.waiting) > n {
		timer := time.NewTimer(storeTime)
		var err error
		select {
		case <-u.waiting[0].Ok():
		case err = <-u.waiting[0].Err():
		case <-timer.C:
			err = nats.ErrTimeout
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		timer.Stop()
		if err != nil {
			return err
		}
		u.waiting = u.waiting[1:]
	}
	return nil
}

// finish waits until every item is stored.
func (u *upload) finish(ctx context.Context) error {
	if err := u.send(ctx); err != nil {
		return err
	}
	return u.settle(ctx, 0)
}

// discard removes what was stored of an upload that became no job.
func (u *upload) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	return u.store.remove(ctx, u.name, u.bucket != nil)
}

// remove removes an upload's items, and with objects those that are objects of
// their own.
func (st *store) remove(ctx context.Context, upload string, objects bool) error {
	err := st.items.Purge(ctx, jetstream.WithPurgeSubject(allOf(itemsPrefix, upload)))
	if !objects {
		return err
	}
	removed := st.js.DeleteObjectStore(ctx, objectsBucket(upload))
	if isMissing(removed) {
		removed = nil
	}
	return errors.Join(err, removed)
}

// removeResults removes an upload's results and its end.
func (st *store) removeResults(ctx context.Context, upload string) error {
	return st.results.Purge(ctx, jetstream.WithPurgeSubject(allOf(resultsPrefix, upload)))
}

// chunkNumber reads the number at the end of a chunk's subject.
func chunkNumber(subject string) (int64, error) {
	n, err := strconv.ParseInt(subject[strings.LastIndexByte(subject, '.')+1:], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("a stored chunk has the subject %q", subject)
	}
	return n, nil
}
