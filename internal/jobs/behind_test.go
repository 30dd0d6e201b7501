package jobs_test

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/catalog"
)

// behindStore is a cluster in which a server answers direct requests for objects that does
// not have them yet. Only the leader does.
type behindStore struct{ *broker.Broker }

type behindJetStream struct{ jetstream.JetStream }

type behindStream struct{ jetstream.Stream }

func (s behindStore) JetStream() jetstream.JetStream { return behindJetStream{s.Broker.JetStream()} }

func (s behindJetStream) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	stream, err := s.JetStream.Stream(ctx, name)
	if err == nil && strings.HasPrefix(name, "OBJ_") {
		stream = behindStream{stream}
	}
	return stream, err
}

func (s behindStream) GetMsg(ctx context.Context, seq uint64, o ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	if s.CachedInfo().Config.AllowDirect {
		return nil, jetstream.ErrMsgNotFound
	}
	return s.Stream.GetMsg(ctx, seq, o...)
}

// TestItem_ThatAServerDoesNotHaveYet reads an item that is an object, and its row.
func TestItem_ThatAServerDoesNotHaveYet(t *testing.T) {
	store := behindStore{openBroker(t, t.TempDir())}
	defer store.Close()
	m := newModel(4)
	r := startWith(t, store, m, newEngine(t, m, quiet{}))
	defer r.Close()
	items := goods(2, func(_ int, it *catalog.Item) {
		it.ImageData = make([]byte, 300<<10)
		it.Row = &catalog.Row{Columns: []string{"name"}, Cells: []string{it.Name}}
	})
	job := r.create(t, textual, items)
	r.watch(t, job.ID, nil, 0).complete(t, items)
	if it, err := r.Item(t.Context(), allOwners, job.ID, 1); err != nil || len(it.ImageData) != 300<<10 {
		t.Errorf("the item: %v", err)
	}
	query := catalog.ResultQuery{Owner: allOwners, ID: job.ID, Size: 10, Rows: true}
	var rows []string
	_, err := r.Results(t.Context(), query, func(_ *catalog.Outcome, cells []string) bool {
		rows = append(rows, cells...)
		return true
	})
	if err != nil || len(rows) != 2 {
		t.Errorf("rows %q, error %v", rows, err)
	}
}
