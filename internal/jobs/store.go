package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The names of what is stored. They are a promise to other versions of the
// program that share the store.
const (
	itemsStream   = "CREDENZA_ITEMS"
	resultsStream = "CREDENZA_RESULTS"
	recordsBucket = "credenza_jobs"
	// correctionsStream is left alone by versions without corrections.
	correctionsStream = "CREDENZA_CORRECTIONS"

	itemsPrefix   = "credenza.items."
	resultsPrefix = "credenza.results."
	// correctionsPrefix begins the subjects of corrections.
	correctionsPrefix = "credenza.corrections."
	// objectsPrefix begins the name of a job's bucket of items too large for a
	// message.
	objectsPrefix = "credenza_objects_"
)

const (
	// setUpTime is for opening the store, which a cluster that elects its leaders
	// may make one wait for.
	setUpTime = 30 * time.Second
	// syncTime bounds a sync to disk, which may be slow and busy.
	syncTime = 30 * time.Second
	// storeTime is for one request to it.
	storeTime = 5 * time.Second
)

// The parts of the room for jobs, as divisors: half is for results, the rest for
// items and for those of them that are objects of their own. Objects and corrections
// share a part. Their room is not reserved.
const (
	resultsPart = 2
	itemsPart   = 4
	objectsPart = 4
)

// store is the JetStream with the names that jobs use in it.
type store struct {
	storage Storage
	js      jetstream.JetStream
	config  Config

	opened      chan struct{} // closed when the others are there
	items       jetstream.Stream
	results     jetstream.Stream
	records     jetstream.KeyValue
	corrections jetstream.Stream
	maxChunk    int // bytes of a message's body
}

func newStore(storage Storage, config Config) *store {
	return &store{storage: storage, js: storage.JetStream(), config: config, opened: make(chan struct{})}
}

// setUp opens what is stored, or makes it. It waits while the store is away, until ctx ends.
func (st *store) setUp(ctx context.Context) (err error) {
	if st.items, err = st.openStream(ctx, itemsStream, itemsPrefix, st.config.MaxBytes/itemsPart); err != nil {
		return err
	}
	if st.results, err = st.openStream(ctx, resultsStream, resultsPrefix, st.config.MaxBytes/resultsPart); err != nil {
		return err
	}
	if st.corrections, err = st.openStream(ctx, correctionsStream, correctionsPrefix, 0); err != nil {
		return err
	}
	if st.records, err = st.openRecords(ctx); err != nil {
		return err
	}
	st.maxChunk = min(maxChunkBytes, st.storage.MaxMessage()/2)
	close(st.opened)
	return nil
}

// away returns a fault while the store is not open, or if nothing can be stored any more.
func (st *store) away() error {
	select {
	case <-st.opened:
		return st.storage.Lost()
	default:
		return storageAway(errors.New("the store is not open yet"))
	}
}

// openStream opens a stream that refuses messages over its limit, since stored jobs must
// not be dropped for new ones. If the stream exists, the larger of its limit and this one is
// used, because replicas may have different settings. A limit of 0 is none.
func (st *store) openStream(ctx context.Context, name, prefix string, maxBytes int64) (jetstream.Stream, error) {
	return persist(ctx, func(ctx context.Context) (jetstream.Stream, error) {
		stream, err := st.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return st.js.CreateStream(ctx, jetstream.StreamConfig{
				Name: name, Subjects: []string{prefix + "*.*"}, Storage: jetstream.FileStorage,
				Discard: jetstream.DiscardNew, MaxBytes: cmp.Or(maxBytes, -1), Replicas: st.storage.Replicas(),
				Compression: jetstream.S2Compression,
			})
		}
		if err != nil {
			return nil, err
		}
		config := stream.CachedInfo().Config
		if maxBytes == 0 || config.MaxBytes >= maxBytes {
			return stream, nil
		}
		config.MaxBytes = maxBytes
		return st.js.UpdateStream(ctx, config)
	})
}

// openRecords opens the bucket of records. It creates the stream itself, with the
// conventions of a bucket, so that reads go to the leader: every replica sees a job as
// soon as CreateJob has returned it.
func (st *store) openRecords(ctx context.Context) (jetstream.KeyValue, error) {
	return persist(ctx, func(ctx context.Context) (jetstream.KeyValue, error) {
		bucket, err := st.js.KeyValue(ctx, recordsBucket)
		if !errors.Is(err, jetstream.ErrBucketNotFound) {
			return bucket, err
		}
		_, err = st.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: "KV_" + recordsBucket, Subjects: []string{"$KV." + recordsBucket + ".>"}, Storage: jetstream.FileStorage,
			MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, AllowRollup: true, DenyDelete: true, Replicas: st.storage.Replicas(),
		})
		if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return nil, err
		}
		return st.js.KeyValue(ctx, recordsBucket)
	})
}

// persist calls try again while the cluster has no leader, until ctx ends.
func persist[T any](ctx context.Context, try func(context.Context) (T, error)) (T, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		within, cancel := context.WithTimeout(ctx, storeTime)
		v, err := try(within)
		cancel()
		if err == nil || !fault.Is(asFault(err), fault.StorageAway) {
			return v, err
		}
		if pause(ctx, wait) != nil {
			return v, err
		}
	}
}

// pause waits, and returns ctx's error if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func chunkSubject(prefix, upload string, chunk int64) string {
	return fmt.Sprintf("%s%s.%d", prefix, upload, chunk)
}

func endSubject(upload string) string { return resultsPrefix + upload + ".end" }

func allOf(prefix, upload string) string { return prefix + upload + ".*" }

// info returns a stream's state, with the message counts of the subjects that match the
// filter, unless that is empty. It is safe for concurrent use, unlike the stream's Info.
func (st *store) info(ctx context.Context, stream, filter string) (*jetstream.StreamInfo, error) {
	s, err := st.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	if filter == "" {
		return s.CachedInfo(), nil
	}
	return s.Info(ctx, jetstream.WithSubjectFilter(filter))
}

// last returns the last message of a stream with a subject, nil if there is none.
func (st *store) last(ctx context.Context, stream jetstream.Stream, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	msg, err := stream.GetLastMsgForSubject(ctx, subject)
	if isMissing(err) {
		return nil, nil
	}
	return msg, err
}

// get returns a job's record and its revision.
func (st *store) get(ctx context.Context, id string) (*jobRecord, uint64, error) {
	if err := st.away(); err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	entry, err := st.records.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil, 0, notFound()
	}
	if err != nil {
		return nil, 0, asFault(err)
	}
	rec, err := decodeRecord(entry.Value())
	return rec, entry.Revision(), err
}

// sync returns when all that was stored before the call is on disk.
func (st *store) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncTime)
	defer cancel()
	return asFault(st.storage.Sync(ctx))
}

// syncAsConfigured syncs stored results or corrections to disk, or schedules that.
func (st *store) syncAsConfigured(ctx context.Context) error {
	if st.config.Sync > 0 {
		st.storage.SyncWithin(st.config.Sync)
		return nil
	}
	return st.sync(ctx)
}

// put replaces the given revision of a job's record; 0 means that no record may exist.
// The error is errOutrun if another writer was faster.
func (st *store) put(ctx context.Context, rec *jobRecord, revision uint64) (uint64, error) {
	b, err := codec.Encode(rec)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if revision == 0 {
		revision, err = st.records.Create(ctx, rec.ID, b)
	} else {
		revision, err = st.records.Update(ctx, rec.ID, b, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || wrongLast(err) {
		return 0, errOutrun
	}
	return revision, asFault(err)
}

// errOutrun reports that a record has changed since it was read.
var errOutrun = errors.New("the record has changed meanwhile")

// change has f change the record of a job and stores it, and begins again if another
// writer was faster. If f returns an error, nothing is stored and change returns that.
func (s *Service) change(ctx context.Context, job *jobRecord, f func(*jobRecord) error) (*jobRecord, error) {
	for {
		rec, revision, err := s.store.get(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		if rec.Upload != job.Upload || rec.Deleted != 0 {
			return nil, notFound()
		}
		if err := f(rec); err != nil {
			return nil, err
		}
		if revision, err = s.store.put(ctx, rec, revision); err == nil {
			s.mirror.put(rec, revision)
			return rec, nil
		}
		if !errors.Is(err, errOutrun) {
			return nil, err
		}
	}
}

// errUnchanged is for functions of change that have nothing to change.
var errUnchanged = errors.New("the record needs no change")
