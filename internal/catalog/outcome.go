package catalog

import (
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// ConfidenceSource is where a confidence comes from.
type ConfidenceSource uint8

// The sources. Their numbers are stored, and never used for something else.
const (
	FromLogprobs ConfidenceSource = iota + 1
	FromModel
	FromLexicon
	NoConfidence // it is not known, and given as 0
)

// Evidence is what a verdict was given from.
type Evidence uint8

// The evidence.
const (
	EvidencePicture Evidence = iota + 1
	EvidenceText
)

// Verdict is what an item was found to be.
type Verdict struct {
	// Category and the styles are names of the taxonomy.
	Category         string
	Confidence       float64 // 0..1
	ConfidenceSource ConfidenceSource
	PrimaryStyle     string
	SecondaryStyle   string // empty: none
	StyleTags        []string
	PlacementTags    []string
	Reasoning        string
	Evidence         Evidence
	NeedsReview      bool
}

// Usage counts tokens.
type Usage struct {
	Prompt, CachedPrompt, Completion int64
}

// Add adds b to u.
func (u *Usage) Add(b Usage) {
	u.Prompt += b.Prompt
	u.CachedPrompt += b.CachedPrompt
	u.Completion += b.Completion
}

// Trace is how an outcome came to be.
type Trace struct {
	Attempts      int
	Cached        bool
	Deduplicated  bool
	Backend       string // "openai" or "offline"
	Model         string
	QueueTime     time.Duration
	Latency       time.Duration
	Usage         Usage
	Taxonomy      string // version
	PromptVersion string
}

// Question is one item on its way to a backend.
type Question struct {
	Item *Item
	// Picture is nil where the item is to be classified by its text.
	Picture  *Picture
	Model    string // empty: the configured one
	Caller   Caller
	Priority Priority
	// Began is when the item was admitted, which its deadline counts from. Zero: now.
	Began time.Time
	// Within is how long the item may take in all. 0: as long as the context does.
	Within time.Duration
	// Budget is the time that calls to the model may take in all, where waiting for
	// a turn and calls into an outage do not count. 0: ctx alone bounds the work.
	Budget time.Duration
	// Calls counts the call's attempts in flight; a backend enters it for each
	// attempt that it makes. It may be nil.
	Calls *Peak
}

// Answer is what a backend made of a question. The trace is filled in even
// where there is no verdict.
type Answer struct {
	Verdict Verdict
	Trace   Trace
	// Asked is when the model was asked for it, where it is kept. Zero: just now.
	Asked time.Time
}

// Outcome is the one result of one item: a verdict, or a fault.
type Outcome struct {
	Index int64
	ID    string
	Name  string
	Kind  Kind
	// Verdict is meaningful only where Err is nil.
	Verdict Verdict
	Err     *fault.Fault
	// ImageErr is why the picture was not used, where text answered.
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
	// Peak is the most calls to the model that the call had in flight at once so far.
	Peak int
}

// Summary is the end of a call.
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
