package catalog

import (
	"context"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// ConfidenceSource is the source of a confidence.
type ConfidenceSource uint8

// The sources. Their numbers are stored, and never used for something else.
const (
	FromLogprobs ConfidenceSource = iota + 1
	FromModel
	FromLexicon
	NoConfidence // it is not known, and given as 0
)

// Evidence is what a classification is based on: text or picture.
type Evidence uint8

// The evidence.
const (
	EvidencePicture Evidence = iota + 1
	EvidenceText
)

// Classification is the classification of an item.
type Classification struct {
	// Category and the styles are names of the taxonomy.
	Category         string           `cbor:"1,keyasint,omitempty"`
	Confidence       float64          `cbor:"2,keyasint,omitempty"` // 0..1
	ConfidenceSource ConfidenceSource `cbor:"3,keyasint,omitempty"`
	PrimaryStyle     string           `cbor:"4,keyasint,omitempty"`
	SecondaryStyle   string           `cbor:"5,keyasint,omitempty"` // empty: none
	StyleTags        []string         `cbor:"6,keyasint,omitempty"`
	PlacementTags    []string         `cbor:"7,keyasint,omitempty"`
	Reasoning        string           `cbor:"8,keyasint,omitempty"`
	Evidence         Evidence         `cbor:"9,keyasint,omitempty"`
	NeedsReview      bool             `cbor:"10,keyasint,omitempty"`
	// Alternatives are the likeliest categories, as NewAlternatives returns them; none if
	// the source of the confidence gives none. They are shared and do not change.
	Alternatives []Alternative `cbor:"11,keyasint,omitempty"`
}

// Usage counts tokens. CachedPrompt and CacheWrites are parts of Prompt, which the
// provider's prompt cache had or took in, and Reasoning is a part of Completion. They are
// stored among the fields of a Trace.
type Usage struct {
	Prompt       int64 `cbor:"8,keyasint,omitempty"`
	CachedPrompt int64 `cbor:"9,keyasint,omitempty"`
	Completion   int64 `cbor:"10,keyasint,omitempty"`
	CacheWrites  int64 `cbor:"13,keyasint,omitempty"`
	Reasoning    int64 `cbor:"14,keyasint,omitempty"`
}

// Add adds b to u.
func (u *Usage) Add(b Usage) {
	u.Prompt += b.Prompt
	u.CachedPrompt += b.CachedPrompt
	u.Completion += b.Completion
	u.CacheWrites += b.CacheWrites
	u.Reasoning += b.Reasoning
}

// Trace describes how an outcome was made.
type Trace struct {
	Attempts      int           `cbor:"1,keyasint,omitempty"`
	Cached        bool          `cbor:"2,keyasint,omitempty"`
	Deduplicated  bool          `cbor:"3,keyasint,omitempty"`
	Backend       string        `cbor:"4,keyasint,omitempty"` // "openai" or "offline"
	Model         string        `cbor:"5,keyasint,omitempty"`
	QueueTime     time.Duration `cbor:"6,keyasint,omitempty"`
	Latency       time.Duration `cbor:"7,keyasint,omitempty"`
	Usage         Usage         `cbor:"-"`                     // stored among the others
	Taxonomy      string        `cbor:"11,keyasint,omitempty"` // version
	PromptVersion string        `cbor:"12,keyasint,omitempty"`
	// DescriptionCut is set if the end of the description was cut off, which was over its
	// limit.
	DescriptionCut bool `cbor:"15,keyasint,omitempty"`
}

// Question is a request to a backend to classify one item.
type Question struct {
	Item *Item
	// Picture is nil if the item is classified by its text.
	Picture  *Picture
	Model    string // empty: the configured one
	Caller   Caller
	Priority Priority
	// Began is the time of the item's admission, at which its time starts. Zero: now.
	Began time.Time
	// Within is how long the item may take in all. 0: as long as the context does.
	Within time.Duration
	// Budget is the total time of calls to the model, without waiting for a slot and
	// without calls during an outage. 0: only ctx bounds the work.
	Budget time.Duration
	// Calls counts the call's attempts in flight. A backend calls Enter and Leave for
	// each attempt. It may be nil.
	Calls *Peak
	// Halt ends when no further attempt may begin. Attempts in flight go on. Nil: it
	// never ends.
	Halt context.Context //nolint:containedctx // it is another one than the call's: Waiting joins both
	// Hold, if set, lets an answered last attempt keep its place in the pool after its end. It
	// is called with the function that frees the place.
	Hold func(release func())
}

// Waiting returns the context of a wait before an attempt, which ends with ctx or with
// Halt. The caller calls the function when it no longer waits.
func (q *Question) Waiting(ctx context.Context) (context.Context, context.CancelFunc) {
	return Until(ctx, q.Halt)
}

// Until returns a context that ends with ctx or with halt, which may be nil.
func Until(ctx, halt context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if halt == nil {
		return ctx, cancel
	}
	stop := context.AfterFunc(halt, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// Answer is a backend's answer to a question. The trace is filled in even if the
// backend returns an error.
type Answer struct {
	Classification Classification
	Trace          Trace
	// Asked is when the model was asked, for a stored answer. Zero: just now.
	Asked time.Time
}

// Outcome is the result of one item: a classification or a fault.
type Outcome struct {
	Index int64
	ID    string
	Name  string
	Kind  Kind
	// Classification is valid if Err is nil.
	Classification Classification
	Err            *fault.Fault
	// ImageErr is why the picture was not used, if the item was classified by its text.
	ImageErr *fault.Fault
	Trace    Trace
}

// Progress is the state of a call after a batch.
type Progress struct {
	Done, Failed int64
	Total        int64 // 0: not known
}

// Batch is a group of outcomes of one kind.
type Batch struct {
	ID       int64 // from 1, in the order of sending
	Kind     Kind
	Outcomes []Outcome
	At       time.Time
	Progress Progress
	// Peak is the highest number of the call's attempts in flight so far.
	Peak int
}

// Summary has the counts of a call at its end.
type Summary struct {
	Total, Succeeded, Failed int64
	FailuresByReason         map[string]int64
	Cached, Deduplicated     int64
	UpstreamCalls            int64
	Usage                    Usage
	Elapsed                  time.Duration
	PeakConcurrency          int
}

// Add counts one outcome.
func (s *Summary) Add(o *Outcome) {
	s.Total++
	if o.Err == nil {
		s.Succeeded++
	} else {
		s.Failed++
		if s.FailuresByReason == nil {
			s.FailuresByReason = map[string]int64{}
		}
		s.FailuresByReason[o.Err.Reason.String()]++
	}
	if o.Trace.Cached {
		s.Cached++
	}
	if o.Trace.Deduplicated {
		s.Deduplicated++
	}
	s.UpstreamCalls += int64(o.Trace.Attempts)
	s.Usage.Add(o.Trace.Usage)
}
