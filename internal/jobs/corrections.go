package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Corrections are in a stream of their own, which versions before it leave alone. All
// changes of a job have one subject, and each names the sequence of the one before it: of
// two writers the store refuses one, which then reads what the other has stored, and a
// reader notices a change that is lost.

// changeForm is a message of the corrections stream.
type changeForm struct {
	ID          string               `cbor:"1,keyasint"`
	Person      string               `cbor:"2,keyasint,omitempty"`
	At          moment               `cbor:"3,keyasint"`
	After       uint64               `cbor:"4,keyasint,omitempty"` // sequence of the job's change before; 0: this is the first
	Bytes       int64                `cbor:"5,keyasint,omitempty"` // of the job's changes up to the one before
	Corrections []catalog.Correction `cbor:"6,keyasint,omitempty"`
	Bulk        *catalog.Correction  `cbor:"7,keyasint,omitempty"`
	Indexes     catalog.IndexSet     `cbor:"8,keyasint,omitempty"`
	Undo        string               `cbor:"9,keyasint,omitempty"`
}

func (form *changeForm) change() catalog.Change {
	return catalog.Change{
		ID: form.ID, Person: form.Person, At: form.At.time(), Corrections: form.Corrections, Bulk: form.Bulk, Indexes: form.Indexes, Undo: form.Undo,
	}
}

// Changes calls each with the changes of a job's corrections behind a place, in order. It
// returns DataLoss, after the others, if one of them is lost or cannot be read.
func (s *Service) Changes(ctx context.Context, job catalog.ReviewedJob, after uint64, each func(catalog.StoredChange) error) error {
	last, err := s.store.lastChange(ctx, job.Upload)
	if err != nil || last == nil || last.Sequence <= after {
		return asFault(err)
	}
	var lost error
	err = s.store.replay(ctx, reading{stream: s.store.corrections, filters: []string{changesOf(job.Upload)}, after: after}, func(msg jetstream.Msg, seq uint64) error {
		var form changeForm
		if err := codec.Decode(msg.Data(), &form); err != nil {
			lost = dataLoss(err)
			after = seq
			return each(catalog.StoredChange{Place: seq})
		}
		if form.After != after {
			lost = dataLoss(fmt.Errorf("corrections between %d and %d are missing", after, seq))
		}
		after = seq
		return each(catalog.StoredChange{Change: form.change(), Place: seq})
	})
	if err == nil && s.config.Sync == 0 {
		err = s.store.sync(ctx) // as for results
	}
	if err == nil {
		err = lost
	}
	return asFault(err)
}

// Correct stores a change after the one at a place, 0 for the first one, and returns its
// place. It returns 0 if another change is stored there already.
func (s *Service) Correct(ctx context.Context, job catalog.ReviewedJob, after uint64, change *catalog.Change) (uint64, error) {
	if err := s.store.away(); err != nil {
		return 0, err
	}
	form := changeForm{
		ID: change.ID, Person: change.Person, At: moment(change.At.UnixMicro()), After: after,
		Corrections: change.Corrections, Bulk: change.Bulk, Indexes: change.Indexes, Undo: change.Undo,
	}
	if after > 0 {
		last, err := s.store.lastChange(ctx, job.Upload)
		if err != nil {
			return 0, asFault(err)
		}
		if last == nil || last.Sequence != after {
			return 0, nil
		}
		form.Bytes = bytesUpTo(last)
	}
	body, err := codec.Encode(form)
	if err != nil {
		return 0, err
	}
	if len(body) > s.store.storage.MaxMessage()*3/4 {
		return 0, fault.New(fault.MessageTooLarge, "the change takes %d bytes in the store, which takes less than %d: change fewer results at once", len(body), s.store.storage.MaxMessage())
	}
	if err := s.growCorrections(ctx, job, form.Bytes+int64(len(body))); err != nil {
		return 0, err
	}
	place, err := s.store.publishChange(ctx, job, after, &form, body)
	if err != nil || place == 0 {
		return 0, asFault(err)
	}
	return place, asFault(s.store.syncAsConfigured(ctx))
}

func (st *store) publishChange(ctx context.Context, job catalog.ReviewedJob, after uint64, form *changeForm, body []byte) (uint64, error) {
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	ack, err := st.js.PublishMsg(within, &nats.Msg{
		Subject: changesOf(job.Upload), Data: body, Header: nats.Header{headerJob: {job.ID}},
	}, jetstream.WithExpectLastSequencePerSubject(after), jetstream.WithRetryAttempts(0))
	if wrongLast(err) {
		return 0, nil
	}
	if err == nil {
		return ack.Sequence, nil
	}
	// The message may be stored although its acknowledgement is lost.
	last, lookErr := st.lastChange(context.WithoutCancel(ctx), job.Upload)
	var stored changeForm
	if lookErr == nil && last != nil && codec.Decode(last.Data, &stored) == nil && stored.ID == form.ID {
		return last.Sequence, nil
	}
	return 0, err
}

// lastChange returns the last change of an upload's corrections, nil if there is none.
func (st *store) lastChange(ctx context.Context, upload string) (*jetstream.RawStreamMsg, error) {
	if err := st.away(); err != nil {
		return nil, err
	}
	return st.last(ctx, st.corrections, changesOf(upload))
}

// bytesUpTo returns how many bytes a job's changes take, up to the given one.
func bytesUpTo(msg *jetstream.RawStreamMsg) int64 {
	var form changeForm
	if codec.Decode(msg.Data, &form) != nil { // then the count begins again
		return int64(len(msg.Data))
	}
	return form.Bytes + int64(len(msg.Data))
}

// correctionsStep is by how many bytes what a job's corrections may take grows in its
// record, so that few corrections change the record.
const correctionsStep = 64 << 10

// growCorrections has the record of a job say that its corrections may take so many bytes,
// if the owner's caps and the room for jobs allow it.
func (s *Service) growCorrections(ctx context.Context, job catalog.ReviewedJob, bytes int64) error {
	rec, err := s.recordOf(ctx, job)
	if err != nil {
		return err
	}
	if bytes <= rec.Corrections {
		return nil
	}
	used, err := s.store.objectBytes(ctx)
	if err != nil {
		return asFault(err)
	}
	if used+bytes-rec.Corrections > s.config.MaxBytes/objectsPart {
		s.foundFull()
		return storageFull(errors.New("no room for corrections"))
	}
	grown := (bytes + correctionsStep - 1) / correctionsStep * correctionsStep
	if s.config.Caps != nil {
		if err := s.config.Caps.GrowJob(ctx, rec.Owner, grown-rec.Corrections, func() []catalog.KeptJob { return s.Kept(rec.Owner) }); err != nil {
			return err
		}
	}
	_, err = s.change(ctx, rec, func(rec *jobRecord) error {
		rec.Corrections = max(rec.Corrections, grown)
		return nil
	})
	return err
}

// changesOf returns the subject of a job's corrections.
func changesOf(upload string) string { return correctionsPrefix + upload + ".change" }

// removeChanges removes the corrections of an upload.
func (st *store) removeChanges(ctx context.Context, upload string) error {
	return st.corrections.Purge(ctx, jetstream.WithPurgeSubject(changesOf(upload)))
}
