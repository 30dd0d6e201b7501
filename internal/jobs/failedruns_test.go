package jobs_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// badStore is a store in which the reading of large items panics, and one that refuses
// results for good, as the test says.
type badStore struct {
	*broker.Broker
	panics, refuses bool
	failed          atomic.Int64
}

type badJetStream struct {
	jetstream.JetStream
	store *badStore
}

func (s *badStore) JetStream() jetstream.JetStream { return badJetStream{s.Broker.JetStream(), s} }

func (s badJetStream) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	if s.store.panics && strings.HasPrefix(name, "OBJ_") {
		s.store.failed.Add(1)
		panic("an item that no code expects")
	}
	return s.JetStream.Stream(ctx, name)
}

func (s badJetStream) PublishMsg(ctx context.Context, m *nats.Msg, o ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if s.store.refuses && strings.HasPrefix(m.Subject, "credenza.results.") && !strings.HasSuffix(m.Subject, ".end") {
		s.store.failed.Add(1)
		return nil, nats.ErrMaxPayload
	}
	return s.JetStream.PublishMsg(ctx, m, o...)
}

// panicsAllowed is an observer for tests with panics.
type panicsAllowed struct{ quiet }

func (panicsAllowed) Panicked(*classify.Call, int64, any, []byte) {}

// TestRun_FailsForGoodTheThirdTime has jobs that fail on each of two replicas.
func TestRun_FailsForGoodTheThirdTime(t *testing.T) {
	for name, tt := range map[string]struct {
		store *badStore
		cause string
	}{
		"a panic":                       {&badStore{panics: true}, "a fault of the service"},
		"what the store always refuses": {&badStore{refuses: true}, "failed each time"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.store.Broker = openBroker(t, t.TempDir())
			defer tt.store.Close()
			var replicas []*replica
			for range 2 {
				m := newModel(32)
				r := startWith(t, tt.store, m, newEngine(t, m, panicsAllowed{}))
				defer r.Close()
				replicas = append(replicas, r)
			}
			items := goods(1, func(_ int, it *catalog.Item) { it.ImageData = make([]byte, 100<<10) })
			job := replicas[0].create(t, textual, items)
			s := replicas[1].watch(t, job.ID, nil, 0)
			got, err := replicas[1].Get(t.Context(), allOwners, job.ID)
			if err != nil || got.State != catalog.JobFailed || !strings.Contains(got.Message, tt.cause) || len(s.outcomes) != 0 {
				t.Errorf("%+v, %v", got, err)
			}
			if n := tt.store.failed.Load(); n < 3 || n > 4 { // one may be in flight on the other
				t.Errorf("the job was begun %d times", n)
			}
			if replicas[0].said("a job has failed")+replicas[1].said("a job has failed") == 0 {
				t.Error("the log does not have the cause")
			}
		})
	}
}

// upsetStore is a store that refuses consumers a few times.
type upsetStore struct {
	*broker.Broker
	refuse error
	times  atomic.Int64
}

type upsetJetStream struct {
	jetstream.JetStream
	store *upsetStore
}

type upsetStream struct {
	jetstream.Stream
	store *upsetStore
}

func (s *upsetStore) JetStream() jetstream.JetStream { return upsetJetStream{s.Broker.JetStream(), s} }

func (s upsetJetStream) CreateStream(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := s.JetStream.CreateStream(ctx, c)
	return upsetStream{stream, s.store}, err
}

func (s upsetStream) CreateOrUpdateConsumer(ctx context.Context, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if s.store.times.Add(-1) >= 0 {
		return nil, s.store.refuse
	}
	return s.Stream.CreateOrUpdateConsumer(ctx, c)
}

// TestRun_OutlastsAnUpsetStore has a store that is there and refuses more often than a job
// may fail.
func TestRun_OutlastsAnUpsetStore(t *testing.T) {
	for name, refuse := range map[string]error{
		"an error of the server":         &jetstream.APIError{Code: 500, ErrorCode: 10012, Description: "consumer creation failed"},
		"a stream that is not yet there": jetstream.ErrStreamNotFound,
	} {
		t.Run(name, func(t *testing.T) {
			store := &upsetStore{Broker: openBroker(t, t.TempDir()), refuse: refuse}
			defer store.Close()
			m := newModel(4)
			r := startWith(t, store, m, newEngine(t, m, quiet{}))
			defer r.Close()
			first := r.create(t, textual, goods(1, nil))
			r.watch(t, first.ID, nil, 0).complete(t, goods(1, nil))
			store.times.Store(4)
			job := r.create(t, textual, goods(10, nil))
			r.watch(t, job.ID, nil, 0).complete(t, goods(10, nil))
		})
	}
}

// TestForm_OfALaterVersionIsLeftAlone has a record that a later version has stored, next to
// a job of this one.
func TestForm_OfALaterVersionIsLeftAlone(t *testing.T) {
	b := openBroker(t, t.TempDir())
	defer b.Close()
	r := start(t, b, newModel(4))
	defer r.Close()
	const id, upload = "abcdefghijklmnopqrstuvwxyz", "later"
	record, err := codec.Encode(map[int]any{1: id, 2: upload, 5: "a state in words", 18: 3, 19: "v8.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	chunk := &nats.Msg{Subject: "credenza.items." + upload + ".0", Data: []byte("a chunk"), Header: nats.Header{"Credenza-Job": {id}}}
	if _, err := b.JetStream().PublishMsg(t.Context(), chunk); err != nil {
		t.Fatal(err)
	}
	bucket, err := b.JetStream().KeyValue(t.Context(), "credenza_jobs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), id, record); err != nil {
		t.Fatal(err)
	}
	job := r.create(t, textual, goods(10, nil))
	r.watch(t, job.ID, nil, 0).complete(t, goods(10, nil))
	_, getErr := r.Get(t.Context(), allOwners, id)
	for _, err := range []error{getErr, r.Delete(t.Context(), allOwners, id)} {
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "version v8.1.0 or later") {
			t.Errorf("got %v", err)
		}
	}
	if err := r.Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	list, _, err := r.List(t.Context(), catalog.JobQuery{Owner: allOwners, Size: 10})
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if entry, err := bucket.Get(t.Context(), id); err != nil || string(entry.Value()) != string(record) {
		t.Errorf("the record is another: %v", err)
	}
	if stored, err := bucket.Get(t.Context(), job.ID); err != nil {
		t.Error(err)
	} else {
		var form struct {
			Number int `cbor:"18,keyasint"`
		}
		if err := codec.Decode(stored.Value(), &form); err != nil || form.Number != 1 {
			t.Errorf("a job of this version is stored in form %d: %v", form.Number, err)
		}
	}
}
