package resultfile

import (
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Result is the result of one item, as files have it.
type Result struct {
	Index int64
	ID    string
	Name  string
	// Classification is valid if Err is nil.
	Classification Classification
	Err            *Failure
	// ImageErr is why the picture was not used, if the item was classified by its text.
	ImageErr *Failure
	Trace    Trace
	// Review is what people made of it. Nil: no person has looked at it.
	Review *catalog.Correction
}

// Classification is the category, styles and tags of an item.
type Classification struct {
	Category         string
	Confidence       float64
	ConfidenceSource string // such as "LOGPROBS"
	PrimaryStyle     string
	SecondaryStyle   string
	StyleTags        []string
	PlacementTags    []string
	Reasoning        string
	Evidence         string // "PICTURE" or "TEXT"
	NeedsReview      bool
	Alternatives     []catalog.Alternative
}

// Failure is why an item has no classification, or not one of its picture.
type Failure struct {
	Reason    string
	Message   string
	Retryable bool
	Kind      string // a few words
}

// Error returns the reason and the message.
func (f *Failure) Error() string { return f.Reason + ": " + f.Message }

// Trace describes how a result was made.
type Trace struct {
	Attempts        int
	Cached          bool
	Backend         string
	Model           string
	Latency         time.Duration
	TaxonomyVersion string
	DescriptionCut  bool
}

// UnseenPicture returns why an answer does not come from the picture, nil if it does. The
// offline classifier sees none, which is not a fault of each row.
func (r *Result) UnseenPicture() *Failure {
	if r.Err != nil || r.Trace.Backend == "offline" {
		return nil //nolint:nilerr // the row has an error of its own
	}
	return r.ImageErr
}
