package jobs

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// jobRecord is what is stored of a job in addition to its items and results.
type jobRecord struct {
	ID           string           `cbor:"1,keyasint"`
	Upload       string           `cbor:"2,keyasint"`
	Name         string           `cbor:"3,keyasint,omitempty"`
	Owner        string           `cbor:"4,keyasint,omitempty"`
	State        catalog.JobState `cbor:"5,keyasint"`
	Options      catalog.Options  `cbor:"6,keyasint"`
	RetryOf      string           `cbor:"7,keyasint,omitempty"`
	Items        int64            `cbor:"8,keyasint"`
	Chunks       int64            `cbor:"9,keyasint"`
	Objects      bool             `cbor:"10,keyasint,omitempty"` // some items are in a bucket of the upload's
	Created      moment           `cbor:"11,keyasint,omitempty"`
	Started      moment           `cbor:"12,keyasint,omitempty"`
	Ended        moment           `cbor:"13,keyasint,omitempty"`
	Message      string           `cbor:"14,keyasint,omitempty"`
	Tally        *tally           `cbor:"15,keyasint,omitempty"` // at the end
	EndedSeq     uint64           `cbor:"16,keyasint,omitempty"` // of the end in the results stream
	Deleted      moment           `cbor:"17,keyasint,omitempty"` // since when the job is being removed; zero: it is not
	Form         int              `cbor:"18,keyasint,omitempty"` // see storedForm; zero: 1
	Needs        string           `cbor:"19,keyasint,omitempty"` // the first version that reads the form, if that is above 1
	FailedRuns   int              `cbor:"20,keyasint,omitempty"` // in a row, and
	FailedRunsAt int64            `cbor:"21,keyasint,omitempty"` // the results that were stored at the last one
	Bytes        int64            `cbor:"22,keyasint,omitempty"` // of the items; 0 in records of earlier versions
	Corrections  int64            `cbor:"23,keyasint,omitempty"` // bytes that these may take before the record changes
	Trace        string           `cbor:"24,keyasint,omitempty"` // that of the call that created the job, as W3C's traceparent
}

// storedForm is the number of the form in which this version stores a job: its record,
// items, results and objects. A version that changes what an earlier one could not read
// raises the number. In every form a record is CBOR with the fields of recordHead.
//
// While a job is paused it is in pausedForm, so that an earlier version, which does not
// know the state, leaves it alone. lastForm is the last one that this version reads.
const (
	storedForm = 1
	pausedForm = 2
	lastForm   = pausedForm
)

// pausedNeeds is the first version that reads pausedForm.
const pausedNeeds = "v7.1.0"

// recordHead has the fields that a record has in every form.
type recordHead struct {
	ID     string `cbor:"1,keyasint"`
	Upload string `cbor:"2,keyasint"`
	Form   int    `cbor:"18,keyasint,omitempty"`
	Needs  string `cbor:"19,keyasint,omitempty"`
}

// decodeRecord reads a record. One of a later form has its head alone, and the error of
// readable.
func decodeRecord(b []byte) (*jobRecord, error) {
	var head recordHead
	if err := codec.Decode(b, &head); err != nil {
		return nil, dataLoss(err)
	}
	if head.Form > lastForm {
		rec := &jobRecord{ID: head.ID, Upload: head.Upload, Form: head.Form, Needs: head.Needs}
		return rec, rec.readable()
	}
	var rec jobRecord
	if err := codec.Decode(b, &rec); err != nil {
		return nil, dataLoss(err)
	}
	return &rec, nil
}

// readable returns a fault that names the needed version if the job is of a later form.
func (r *jobRecord) readable() error {
	if r.Form <= lastForm {
		return nil
	}
	return fault.New(fault.Conflict, "the job is stored in form %d, and this version reads forms up to %d: ask a server of version %s or later", r.Form, lastForm, r.Needs)
}

// moment is a time in microseconds since 1970. 0: never.
type moment int64

func now() moment { return moment(time.Now().UnixMicro()) }

func (m moment) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m))
}

// since returns the time that has passed since the moment.
func (m moment) since() time.Duration { return time.Since(m.time()) }

func (r *jobRecord) active() bool { return r.listed() && !r.State.Ended() }

// runnable reports whether replicas work on the job.
func (r *jobRecord) runnable() bool { return r.active() && r.State != catalog.JobPaused }

// setState changes the state, and with it the form.
func (r *jobRecord) setState(state catalog.JobState, message string) {
	r.State, r.Message, r.Form, r.Needs = state, message, storedForm, ""
	if state == catalog.JobPaused {
		r.Form, r.Needs = pausedForm, pausedNeeds
	}
}

// listed reports whether the job is there for callers.
func (r *jobRecord) listed() bool { return r.Deleted == 0 && r.readable() == nil }

// job returns the record as callers see it, with the tally of its results.
func (r *jobRecord) job(t *tally) catalog.Job {
	j := catalog.Job{
		ID: r.ID, Name: r.Name, Owner: r.Owner, State: r.State, Options: r.Options, RetryOf: r.RetryOf,
		Progress: catalog.Progress{Total: r.Items}, Created: r.Created.time(), Started: r.Started.time(), Ended: r.Ended.time(), Message: r.Message,
	}
	if t != nil {
		j.Progress.Done, j.Progress.Failed, j.Failures, j.Usage = t.Done, t.Failed, t.Failures, t.usage()
	}
	return j
}

// elapsed returns how long the job has taken so far.
func (r *jobRecord) elapsed() time.Duration {
	end := r.Ended
	if end == 0 {
		end = now()
	}
	return max(0, end.time().Sub(r.Created.time())) // two servers' clocks may differ
}

var naming = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newName returns a random, unique name of 26 letters and digits.
func newName() string { return strings.ToLower(rand.Text()) }

// idFor returns the job id for a request id, so that two calls with the same request id
// create at most one job.
func idFor(owner, requestID string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + requestID))
	return naming.EncodeToString(sum[:16])
}

// validID reports whether a job can have the id. Other ids must not reach the store as
// a key.
func validID(id string) bool {
	return len(id) == 26 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
