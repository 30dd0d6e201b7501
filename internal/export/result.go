package export

import (
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

var (
	sources  = [...]string{catalog.FromLogprobs: "LOGPROBS", catalog.FromModel: "MODEL", catalog.FromLexicon: "LEXICON", catalog.NoConfidence: "NONE"}
	evidence = [...]string{catalog.EvidencePicture: "PICTURE", catalog.EvidenceText: "TEXT"}
)

// nameOf returns the name of a value, empty for one without a name.
func nameOf[T ~uint8](names []string, value T) string {
	if int(value) < len(names) {
		return names[value]
	}
	return ""
}

// resultOf gives an outcome the type of files. What shows that work was shared with other
// callers is for those that see all.
func resultOf(o *catalog.Outcome, all bool) *credenza.Result {
	c := &o.Classification
	r := &credenza.Result{
		Index: o.Index, ItemID: o.ID, ProductName: o.Name, Err: failureOf(o.Err), ImageErr: failureOf(o.ImageErr),
		Classification: credenza.Classification{
			Category: c.Category, Confidence: c.Confidence, ConfidenceSource: nameOf(sources[:], c.ConfidenceSource),
			PrimaryStyle: c.PrimaryStyle, SecondaryStyle: c.SecondaryStyle, StyleTags: c.StyleTags, PlacementTags: c.PlacementTags,
			Reasoning: c.Reasoning, Evidence: nameOf(evidence[:], c.Evidence), NeedsReview: c.NeedsReview,
		},
		Trace: credenza.Trace{
			Backend: o.Trace.Backend, Model: o.Trace.Model, Latency: o.Trace.Latency,
			TaxonomyVersion: o.Trace.Taxonomy, DescriptionCut: o.Trace.DescriptionCut,
		},
	}
	for _, a := range c.Alternatives {
		r.Classification.Alternatives = append(r.Classification.Alternatives, credenza.Alternative(a))
	}
	if all {
		r.Trace.Cached, r.Trace.Attempts = o.Trace.Cached, o.Trace.Attempts
	}
	return r
}

// failureOf returns nil for nil.
func failureOf(f *fault.Fault) *credenza.ItemError {
	if f == nil {
		return nil
	}
	return &credenza.ItemError{Reason: credenza.Reason(f.Reason.String()), Message: f.Message, Retryable: f.Retryable(), Summary: f.Summary()}
}
