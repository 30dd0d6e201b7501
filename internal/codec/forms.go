package codec

import (
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Items and classifications are stored as they are: the nouns have the numbers of their
// fields in tags.

// trace is what is stored of a trace: its tokens are among its other fields.
type trace struct {
	catalog.Trace
	catalog.Usage
}

func traceForm(t *catalog.Trace) trace { return trace{*t, t.Usage} }

func (form *trace) trace() catalog.Trace {
	t := form.Trace
	t.Usage = form.Usage
	return t
}

type answer struct {
	Classification catalog.Classification `cbor:"1,keyasint"`
	Trace          trace                  `cbor:"2,keyasint"`
	Asked          int64                  `cbor:"3,keyasint,omitempty"` // milliseconds since 1970; 0: unknown
}

// failure is a fault with the name of its reason, because the number is not stable.
type failure struct {
	Reason     string        `cbor:"1,keyasint"`
	Message    string        `cbor:"2,keyasint,omitempty"`
	RetryAfter time.Duration `cbor:"3,keyasint,omitempty"`
	Summary    string        `cbor:"4,keyasint,omitempty"`
}

func failureForm(f *fault.Fault) *failure {
	if f == nil {
		return nil
	}
	return &failure{Reason: f.Reason.String(), Message: f.Message, RetryAfter: f.RetryAfter, Summary: f.Summary()}
}

func (f *failure) fault() *fault.Fault {
	if f == nil {
		return nil
	}
	return fault.New(fault.Named(f.Reason), "%s", f.Message).After(f.RetryAfter).WithSummary(f.Summary)
}

type outcome struct {
	Index          int64                   `cbor:"1,keyasint"`
	ID             string                  `cbor:"2,keyasint,omitempty"`
	Name           string                  `cbor:"3,keyasint,omitempty"`
	Kind           catalog.Kind            `cbor:"4,keyasint,omitempty"`
	Classification *catalog.Classification `cbor:"5,keyasint,omitempty"`
	Err            *failure                `cbor:"6,keyasint,omitempty"`
	ImageErr       *failure                `cbor:"7,keyasint,omitempty"`
	Trace          trace                   `cbor:"8,keyasint"`
}

func outcomeForm(o *catalog.Outcome) outcome {
	form := outcome{
		Index: o.Index, ID: o.ID, Name: o.Name, Kind: o.Kind,
		Err: failureForm(o.Err), ImageErr: failureForm(o.ImageErr), Trace: traceForm(&o.Trace),
	}
	if o.Err == nil {
		form.Classification = &o.Classification
	}
	return form
}

func (form *outcome) outcome() catalog.Outcome {
	o := catalog.Outcome{
		Index: form.Index, ID: form.ID, Name: form.Name, Kind: form.Kind,
		Err: form.Err.fault(), ImageErr: form.ImageErr.fault(), Trace: form.Trace.trace(),
	}
	if o.Kind >= catalog.NumKinds { // from a newer version
		o.Kind = catalog.KindText
	}
	switch {
	case form.Classification != nil:
		o.Classification = *form.Classification
	case o.Err == nil: // invalid, and must not count as a success
		o.Err = fault.New(fault.Internal, "the stored result cannot be read: classify the item again")
	}
	return o
}
