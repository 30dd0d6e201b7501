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
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

const (
	// objectTime is for storing or loading one object.
	objectTime = 30 * time.Second
	// uploadAhead is how many chunks of an upload may wait for the store's answer.
	uploadAhead = 16
)

// upload stores a job's items. It is for one goroutine.
type upload struct {
	store   *store
	name    string
	job     string // the id that the job is to have
	bucket  bool   // whether there is one: an item needed it
	room    int64  // for objects, as it was last looked at
	chunk   chunk
	bytes   int // of the chunk
	chunks  int64
	items   int64
	total   int64                       // bytes of all items
	held    int64                       // of these, those that caps know of
	grown   func(context.Context) error // asks the caps for total
	waiting []jetstream.PubAckFuture
}

func (st *store) newUpload(job string) *upload { return &upload{store: st, name: newName(), job: job} }

// add stores an item under the index.
func (u *upload) add(ctx context.Context, it *catalog.Item, index int64) error {
	size := storedSize(it)
	if err := u.charge(ctx, size); err != nil {
		return err
	}
	stored, row := size > maxItemBytes, it.Row
	if stored {
		if err := u.addObject(ctx, it, index); err != nil {
			return err
		}
		it, size = &catalog.Item{}, 0
	}
	if len(u.chunk.items) > 0 && u.bytes+size+u.newColumns(row) > u.store.maxChunk {
		if err := u.send(ctx); err != nil {
			return err
		}
	}
	if n := u.newColumns(row); n > 0 {
		u.chunk.columns = row.Columns
		u.bytes += n
		if err := u.charge(ctx, n); err != nil {
			return err
		}
	}
	if stored {
		if u.chunk.objects == nil {
			u.chunk.objects = map[int]bool{}
		}
		u.chunk.objects[len(u.chunk.items)] = true
	}
	u.chunk.items = append(u.chunk.items, withoutColumns(it))
	u.chunk.indexes = append(u.chunk.indexes, index)
	u.bytes += size
	u.items++
	if len(u.chunk.items) == maxChunkItems {
		return u.send(ctx)
	}
	return nil
}

// charge counts bytes that are stored. From time to time it asks the caps for them.
func (u *upload) charge(ctx context.Context, bytes int) error {
	if u.total += int64(bytes); u.total-u.held >= holdStep {
		return u.grown(ctx)
	}
	return nil
}

// newColumns returns how many bytes the columns of a row add to the chunk, 0 if it has
// them already.
func (u *upload) newColumns(row *catalog.Row) (n int) {
	if row == nil || u.chunk.columns != nil {
		return 0
	}
	for _, name := range row.Columns {
		n += len(name) + aroundCell
	}
	return n
}

func (u *upload) addObject(ctx context.Context, it *catalog.Item, index int64) error {
	b, err := codec.EncodeItems([]catalog.Item{withoutColumns(it)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	if !u.bucket {
		if err := u.store.newBucket(ctx, u.name); err != nil {
			return err
		}
		u.bucket = true
	}
	if err := u.takeRoom(ctx, int64(len(b))); err != nil {
		return err
	}
	return u.store.putObject(ctx, objectsBucket(u.name), objectName(index), b)
}

// newBucket creates an upload's bucket. It has no limit, because a cluster would
// reserve that much.
func (st *store) newBucket(ctx context.Context, upload string) error {
	_, err := st.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: objectsBucket(upload), Storage: jetstream.FileStorage, Replicas: st.storage.Replicas(),
	})
	return err
}

// roomStep is how many bytes an upload stores before it checks again how full the store
// is.
const roomStep = 32 << 20

// takeRoom returns an error if the store has no room for an object.
func (u *upload) takeRoom(ctx context.Context, bytes int64) error {
	if u.room < bytes {
		used, err := u.store.objectBytes(ctx)
		if err != nil {
			return err
		}
		u.room = min(u.store.config.MaxBytes/objectsPart-used, max(roomStep, bytes))
	}
	if u.room < bytes {
		return storageFull(errors.New("no room for objects"))
	}
	u.room -= bytes
	return nil
}

// objectBytes returns the bytes of the objects and corrections of all jobs.
func (st *store) objectBytes(ctx context.Context) (used int64, err error) {
	buckets := st.js.ObjectStores(ctx)
	for status := range buckets.Status() {
		if strings.HasPrefix(status.Bucket(), objectsPrefix) {
			used += int64(status.Size())
		}
	}
	if err := buckets.Error(); err != nil {
		return 0, err
	}
	info, err := st.info(ctx, correctionsStream, "")
	if err != nil {
		return 0, err
	}
	return used + int64(info.State.Bytes), nil //nolint:gosec // a size on disk
}

// send begins to store the chunk and does not wait.
func (u *upload) send(ctx context.Context) error {
	if len(u.chunk.items) == 0 {
		return nil
	}
	b, err := u.chunk.encode()
	if err != nil {
		return err
	}
	future, err := u.store.js.PublishMsgAsync(&nats.Msg{
		Subject: chunkSubject(itemsPrefix, u.name, u.chunks), Data: b, Header: nats.Header{headerJob: {u.job}},
	})
	if err != nil {
		return err
	}
	u.chunks++
	u.chunk, u.bytes = chunk{}, 0
	u.waiting = append(u.waiting, future)
	return u.settle(ctx, uploadAhead)
}

// settle waits until at most n chunks wait for the store's answer.
func (u *upload) settle(ctx context.Context, n int) error {
	for len(u.waiting) > n {
		within, cancel := context.WithTimeoutCause(ctx, storeTime, nats.ErrTimeout)
		var err error
		select {
		case <-u.waiting[0].Ok():
		case err = <-u.waiting[0].Err():
		case <-within.Done():
			err = context.Cause(within)
		}
		cancel()
		if err != nil {
			return err
		}
		u.waiting = u.waiting[1:]
	}
	return nil
}

// finish waits until every item is stored, and checks that: Tidy may have removed an
// upload that was silent for too long.
func (u *upload) finish(ctx context.Context) error {
	if err := u.send(ctx); err != nil {
		return err
	}
	if err := u.settle(ctx, 0); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	info, err := u.store.info(within, itemsStream, allOf(itemsPrefix, u.name))
	if err != nil {
		return err
	}
	if int64(len(info.State.Subjects)) != u.chunks {
		return fault.New(fault.Conflict, "the upload was silent for too long and is gone: send it again, without long pauses")
	}
	return nil
}

// discard removes what was stored of an upload that does not become a job.
func (u *upload) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	for len(u.waiting) > 0 && ctx.Err() == nil { // a message in flight would arrive after the removal
		if err := u.settle(ctx, len(u.waiting)-1); err != nil {
			u.waiting = u.waiting[1:]
		}
	}
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	return u.store.remove(removing, u.name, u.bucket)
}

// storedSize returns about how many bytes an item takes in a message.
func storedSize(it *catalog.Item) int {
	const around = 9
	n := it.Size() + around*(len(it.Styles)+len(it.Tags)+2*len(it.Attributes)) + 16*around
	if it.Row != nil {
		n += aroundCell * len(it.Row.Cells)
	}
	return n
}

// aroundCell is how many bytes a cell, or the name of a column, mostly takes in addition to
// its text.
const aroundCell = 3

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
