package catalog

import "time"

// ReviewState is how far people have come with a result.
type ReviewState uint8

// The states.
const (
	Unchecked ReviewState = iota + 1
	Accepted
	Corrected
)

// ReviewOrder is the order of a list of results.
type ReviewOrder uint8

// The orders.
const (
	ByIndex ReviewOrder = iota
	ByName
	ByCategory
	ByConfidence
	// ForReview lists what a person should look at, and nothing else.
	ForReview
)

// Correction is what a person said about a result. It replaces no label of the machine.
type Correction struct {
	Index int64 `cbor:"1,keyasint,omitempty"`
	// Category and the styles are names of the taxonomy. Empty: those of the machine.
	Category       string `cbor:"2,keyasint,omitempty"`
	PrimaryStyle   string `cbor:"3,keyasint,omitempty"`
	SecondaryStyle string `cbor:"4,keyasint,omitempty"`
	Note           string `cbor:"5,keyasint,omitempty"`
	// Person and At say who gave the correction in force and when, and State is Accepted or
	// Corrected, as the machine's result makes it. A correction in a change has none of them.
	Person string      `cbor:"-"`
	At     time.Time   `cbor:"-"`
	State  ReviewState `cbor:"-"`
}

// Change is what one call has changed in the corrections of a job: exactly one of
// Corrections, Bulk and Undo is set.
type Change struct {
	ID     string
	Person string
	At     time.Time
	// Corrections are single ones, each for another result.
	Corrections []Correction
	// Bulk is one correction for all results in Indexes.
	Bulk    *Correction
	Indexes IndexSet
	// Undo is the ID of a change that is taken back.
	Undo string
}

// StoredChange is a change at its place in the store.
type StoredChange struct {
	Change
	// Place grows from change to change of a job.
	Place uint64
}

// ReviewedJob is what a review needs to know of a job.
type ReviewedJob struct {
	ID    string
	State JobState
	Mode  Mode
	// Upload is the name of what is stored: another job with the same ID has another one.
	Upload string
	// Items is how many results the job may have, and Done how many it has once it has
	// ended.
	Items, Done int64
}

// ResultPlace is the place of a result's item in the store.
type ResultPlace struct{ Chunk, Index int64 }

// ReviewFilter selects results: those that fulfil all that is set.
type ReviewFilter struct {
	Categories, Styles []string
	// Reasons are names of reasons, such as "IMAGE_TOO_LARGE".
	Reasons []string
	// MinConfidence is the least, and MaxConfidence is above the most, unless that is 1.
	// Nil: any. Failed results have no confidence.
	MinConfidence, MaxConfidence *float64
	NeedsReview, Failed          *bool
	State                        ReviewState // 0: any
	// Query has words that all occur, whole or in part, in any case.
	Query string
}

// ReviewQuery asks for a part of a sorted list of a job's results.
type ReviewQuery struct {
	Owner      Owner
	ID         string // of the job
	Filter     ReviewFilter
	Order      ReviewOrder
	Descending bool
	Skip       int64
	Size       int
	// Rows says that the rows of the items are read too.
	Rows bool
}

// ReviewPage is a part of a sorted list.
type ReviewPage struct {
	Items []ReviewItem
	// Total is the length of the whole list.
	Total int64
	// Columns are those of the rows. Nil: the job has no rows, or they were not read.
	Columns []string
	// State is the job's at that time.
	State JobState
}

// ReviewItem is a result with what people made of it.
type ReviewItem struct {
	Outcome    Outcome
	Correction *Correction // nil: no person has looked at it
	HasPicture bool
	Cells      []string // of its row, if that was read
}

// ReviewSummary has counts of results. Categories and styles are those in force.
type ReviewSummary struct {
	Total int64
	// Categories, Styles and Reasons have the most frequent names first.
	Categories, Styles, Reasons []NameCount
	// Confidences counts by steps of a tenth. 1 belongs to the last one.
	Confidences                    [10]int64
	Unchecked, Accepted, Corrected int64
	NeedsReview                    int64
	// ToReview counts the list ForReview, and Reviewed what was checked of it.
	ToReview, Reviewed int64
}

// NameCount is a name and how often it occurs.
type NameCount struct {
	Name  string
	Count int64
}

// CorrectionRequest asks to change the corrections of a job. As in Change, exactly one of
// Corrections, Bulk and Undo is set.
type CorrectionRequest struct {
	Owner       Owner
	ID          string // of the job
	Person      string
	Corrections []Correction
	Bulk        *Correction
	Filter      ReviewFilter // of Bulk
	Undo        string
	// CountOnly says that nothing is stored.
	CountOnly bool
}

// CorrectionResult says what was changed.
type CorrectionResult struct {
	Changed int64
	// ChangeID names the change. Empty: nothing was stored.
	ChangeID string
}

// CorrectionQuery asks for a page of a job's corrections.
type CorrectionQuery struct {
	Owner Owner
	ID    string // of the job
	Size  int
	// Token is the token of the page before. Empty: the first page.
	Token string
}
