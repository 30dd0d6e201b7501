package credenza

import (
	"cmp"
	"time"
)

// Item is one product to classify. Every field is optional, but an item needs a text or
// a picture.
type Item struct {
	ID          string
	ProductName string
	Description string
	// Type is the shop's short phrase for the kind of product.
	Type string
	// Category is the product's current category.
	Category   string
	Styles     []string
	Tags       []string
	PriceRange string
	// ProductURL is the page that sells the product, or its picture.
	ProductURL string
	ImageURL   string
	// ImageData is the picture itself.
	ImageData  []byte
	Attributes map[string]string
}

// Mode is the evidence that items are classified by: text or picture.
type Mode int

// The modes. Auto uses the picture if an item has one, else the text.
const (
	Auto Mode = iota
	Text
	Image
)

// Options tune one call. The zero value takes every default.
type Options struct {
	Mode Mode
	// BatchSize is at most 1,000; 0 takes the server's.
	BatchSize int
	// InOrder returns complete batches in the order of the request.
	InOrder bool
	// Bulk gives the call a lower priority than interactive calls.
	Bulk bool
	// Cache is how earlier results are used.
	Cache CachePolicy
	// FailWithoutPicture makes an item without a usable picture fail instead of
	// being answered from its text.
	FailWithoutPicture bool
	// Model is one that the server is configured for; empty takes its default.
	Model string
	// ItemTimeout is an item's time, waiting included; 0 is 2 minutes.
	ItemTimeout time.Duration
}

// CachePolicy is how a call uses earlier results.
type CachePolicy int

// The policies.
const (
	// CacheUse reads, shares and keeps results.
	CacheUse CachePolicy = iota
	// CacheRefresh asks again, shares and keeps.
	CacheRefresh
	// CacheBypass neither reads, shares nor keeps.
	CacheBypass
)

// Result is the result of one item. Either Err is nil and Classification is set, or the
// other way round.
type Result struct {
	// Index is the item's place in the call, from 0.
	Index          int64
	ItemID         string
	ProductName    string
	Classification Classification
	Err            *ItemError
	// ImageErr is why the picture was not used, if the item was classified by its text.
	ImageErr *ItemError
	Trace    Trace
	// Row is the row that the item came from, if ListJobResults was asked for it. Else nil.
	Row *Row
}

// Classification is the category, styles and tags of an item.
type Classification struct {
	Category   string
	Confidence float64 // 0..1
	// ConfidenceSource is "LOGPROBS", "MODEL", "LEXICON", or "NONE" if the confidence is
	// not known: it is 0 then, and the classification needs review.
	ConfidenceSource string
	PrimaryStyle     string
	SecondaryStyle   string // empty: none
	StyleTags        []string
	PlacementTags    []string
	Reasoning        string
	// Evidence is "PICTURE" or "TEXT".
	Evidence    string
	NeedsReview bool
	// Alternatives are the likeliest categories, the most likely first, the answer's own
	// among them; at most 9. None if the source of the confidence gives none, as "MODEL".
	Alternatives []Alternative
}

// Alternative is a category that an answer might have been.
type Alternative struct {
	Category    string
	Probability float64 // 0..1; at most 1 together
}

// ItemError is why an item has no classification.
type ItemError struct {
	// Reason is one such as ReasonRefused.
	Reason    Reason
	Message   string
	Retryable bool
	// RetryAfter is how long to wait before the item is sent again. 0: not known.
	RetryAfter time.Duration
	// Summary is the kind of failure in a few words, for counting: "not found". It is
	// empty if Reason says all.
	Summary string
}

// Kind returns the summary, or the reason if there is none.
func (e *ItemError) Kind() string { return cmp.Or(e.Summary, string(e.Reason)) }

// Error returns the reason and the message.
func (e *ItemError) Error() string { return string(e.Reason) + ": " + e.Message }

// Trace describes how a result was made.
type Trace struct {
	Attempts           int
	Cached             bool
	Deduplicated       bool
	Backend            string
	Model              string
	QueueTime          time.Duration
	Latency            time.Duration
	PromptTokens       int64
	CachedPromptTokens int64 // part of PromptTokens
	CompletionTokens   int64
	CacheWriteTokens   int64 // part of PromptTokens
	ReasoningTokens    int64 // part of CompletionTokens
	TaxonomyVersion    string
	PromptVersion      string
	// DescriptionCut is set if the end of a description over its limit was cut off.
	DescriptionCut bool
}

// Batch is a group of results of one kind.
type Batch struct {
	ID int64
	// ProcessingType is "text_multithreaded" or "image_multithreaded".
	ProcessingType string
	Results        []Result
	Time           time.Time
	Progress       Progress
}

// Progress is the state of a call after a batch.
type Progress struct {
	Done, Failed int64
	Total        int64 // 0: not known
}

// Summary has the counts of a call at its end.
type Summary struct {
	Total, Succeeded, Failed int64
	FailuresByReason         map[string]int64
	Cached, Deduplicated     int64
	UpstreamCalls            int64
	PromptTokens             int64
	CachedPromptTokens       int64
	CompletionTokens         int64
	CacheWriteTokens         int64
	ReasoningTokens          int64
	Elapsed                  time.Duration
	PeakConcurrency          int
}

// Taxonomy is the categories and styles in force.
type Taxonomy struct {
	Version    string
	Categories []Category
	Styles     []Style
}

// Category is a kind of furniture.
type Category struct {
	Name, Description string
	Placements        []string
}

// Style is a look.
type Style struct {
	Name, Description       string
	Keywords, Palette, Tags []string
}
