package codec

import (
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// item has the fields of catalog.Item in the same order, so that the types convert.
type item struct {
	ID          string            `cbor:"1,keyasint,omitempty"`
	Name        string            `cbor:"2,keyasint,omitempty"`
	Description string            `cbor:"3,keyasint,omitempty"`
	Type        string            `cbor:"4,keyasint,omitempty"`
	Category    string            `cbor:"5,keyasint,omitempty"`
	Styles      []string          `cbor:"6,keyasint,omitempty"`
	Tags        []string          `cbor:"7,keyasint,omitempty"`
	PriceRange  string            `cbor:"8,keyasint,omitempty"`
	ProductURL  string            `cbor:"9,keyasint,omitempty"`
	ImageURL    string            `cbor:"10,keyasint,omitempty"`
	ImageData   []byte            `cbor:"11,keyasint,omitempty"`
	Attributes  map[string]string `cbor:"12,keyasint,omitempty"`
	Row         *catalog.Row      `cbor:"-"` // see itemForm
}

// itemForm is what is stored of an item.
type itemForm struct {
	item
	Row *row `cbor:"13,keyasint,omitempty"`
}

// row has the fields of catalog.Row in the same order.
type row struct {
	Columns []string `cbor:"1,keyasint,omitempty"`
	Cells   []string `cbor:"2,keyasint,omitempty"`
}

type classification struct {
	Category         string                   `cbor:"1,keyasint,omitempty"`
	Confidence       float64                  `cbor:"2,keyasint,omitempty"`
	ConfidenceSource catalog.ConfidenceSource `cbor:"3,keyasint,omitempty"`
	PrimaryStyle     string                   `cbor:"4,keyasint,omitempty"`
	SecondaryStyle   string                   `cbor:"5,keyasint,omitempty"`
	StyleTags        []string                 `cbor:"6,keyasint,omitempty"`
	PlacementTags    []string                 `cbor:"7,keyasint,omitempty"`
	Reasoning        string                   `cbor:"8,keyasint,omitempty"`
	Evidence         catalog.Evidence         `cbor:"9,keyasint,omitempty"`
	NeedsReview      bool                     `cbor:"10,keyasint,omitempty"`
	Alternatives     []alternative            `cbor:"11,keyasint,omitempty"`
}

// alternative has the fields of catalog.Alternative in the same order.
type alternative struct {
	Category    string  `cbor:"1,keyasint,omitempty"`
	Probability float64 `cbor:"2,keyasint,omitempty"`
}

func classificationForm(v *catalog.Classification) classification {
	form := classification{
		Category: v.Category, Confidence: v.Confidence, ConfidenceSource: v.ConfidenceSource,
		PrimaryStyle: v.PrimaryStyle, SecondaryStyle: v.SecondaryStyle, StyleTags: v.StyleTags, PlacementTags: v.PlacementTags,
		Reasoning: v.Reasoning, Evidence: v.Evidence, NeedsReview: v.NeedsReview,
	}
	if len(v.Alternatives) > 0 {
		form.Alternatives = make([]alternative, len(v.Alternatives))
		for i, a := range v.Alternatives {
			form.Alternatives[i] = alternative(a)
		}
	}
	return form
}

func (form *classification) classification() catalog.Classification {
	v := catalog.Classification{
		Category: form.Category, Confidence: form.Confidence, ConfidenceSource: form.ConfidenceSource,
		PrimaryStyle: form.PrimaryStyle, SecondaryStyle: form.SecondaryStyle, StyleTags: form.StyleTags, PlacementTags: form.PlacementTags,
		Reasoning: form.Reasoning, Evidence: form.Evidence, NeedsReview: form.NeedsReview,
	}
	if len(form.Alternatives) > 0 {
		v.Alternatives = make([]catalog.Alternative, len(form.Alternatives))
		for i, a := range form.Alternatives {
			v.Alternatives[i] = catalog.Alternative(a)
		}
	}
	return v
}

type trace struct {
	Attempts         int           `cbor:"1,keyasint,omitempty"`
	Cached           bool          `cbor:"2,keyasint,omitempty"`
	Deduplicated     bool          `cbor:"3,keyasint,omitempty"`
	Backend          string        `cbor:"4,keyasint,omitempty"`
	Model            string        `cbor:"5,keyasint,omitempty"`
	QueueTime        time.Duration `cbor:"6,keyasint,omitempty"`
	Latency          time.Duration `cbor:"7,keyasint,omitempty"`
	PromptTokens     int64         `cbor:"8,keyasint,omitempty"`
	CachedTokens     int64         `cbor:"9,keyasint,omitempty"`
	CompletionTokens int64         `cbor:"10,keyasint,omitempty"`
	Taxonomy         string        `cbor:"11,keyasint,omitempty"`
	PromptVersion    string        `cbor:"12,keyasint,omitempty"`
	CacheWrites      int64         `cbor:"13,keyasint,omitempty"`
	Reasoning        int64         `cbor:"14,keyasint,omitempty"`
	DescriptionCut   bool          `cbor:"15,keyasint,omitempty"`
}

func traceForm(t *catalog.Trace) trace {
	return trace{
		Attempts: t.Attempts, Cached: t.Cached, Deduplicated: t.Deduplicated, Backend: t.Backend, Model: t.Model,
		QueueTime: t.QueueTime, Latency: t.Latency, PromptTokens: t.Usage.Prompt, CachedTokens: t.Usage.CachedPrompt,
		CompletionTokens: t.Usage.Completion, CacheWrites: t.Usage.CacheWrites, Reasoning: t.Usage.Reasoning,
		Taxonomy: t.Taxonomy, PromptVersion: t.PromptVersion, DescriptionCut: t.DescriptionCut,
	}
}

func (t *trace) trace() catalog.Trace {
	return catalog.Trace{
		Attempts: t.Attempts, Cached: t.Cached, Deduplicated: t.Deduplicated, Backend: t.Backend, Model: t.Model,
		QueueTime: t.QueueTime, Latency: t.Latency,
		Usage: catalog.Usage{
			Prompt: t.PromptTokens, CachedPrompt: t.CachedTokens, Completion: t.CompletionTokens,
			CacheWrites: t.CacheWrites, Reasoning: t.Reasoning,
		},
		Taxonomy: t.Taxonomy, PromptVersion: t.PromptVersion, DescriptionCut: t.DescriptionCut,
	}
}

type answer struct {
	Classification classification `cbor:"1,keyasint"`
	Trace          trace          `cbor:"2,keyasint"`
	Asked          int64          `cbor:"3,keyasint,omitempty"` // milliseconds since 1970; 0: unknown
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
	Index          int64           `cbor:"1,keyasint"`
	ID             string          `cbor:"2,keyasint,omitempty"`
	Name           string          `cbor:"3,keyasint,omitempty"`
	Kind           catalog.Kind    `cbor:"4,keyasint,omitempty"`
	Classification *classification `cbor:"5,keyasint,omitempty"`
	Err            *failure        `cbor:"6,keyasint,omitempty"`
	ImageErr       *failure        `cbor:"7,keyasint,omitempty"`
	Trace          trace           `cbor:"8,keyasint"`
}

func outcomeForm(o *catalog.Outcome) outcome {
	form := outcome{
		Index: o.Index, ID: o.ID, Name: o.Name, Kind: o.Kind,
		Err: failureForm(o.Err), ImageErr: failureForm(o.ImageErr), Trace: traceForm(&o.Trace),
	}
	if o.Err == nil {
		v := classificationForm(&o.Classification)
		form.Classification = &v
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
		o.Classification = form.Classification.classification()
	case o.Err == nil: // invalid, and must not count as a success
		o.Err = fault.New(fault.Internal, "the stored result cannot be read: classify the item again")
	}
	return o
}
