package catalog

// ResultFilter is which results of a job are listed.
type ResultFilter uint8

// The filters.
const (
	AllResults ResultFilter = iota
	FailedResults
	ReviewResults
)

// Has reports whether the filter lets a result through.
func (f ResultFilter) Has(o *Outcome) bool {
	switch f {
	case FailedResults:
		return o.Err != nil
	case ReviewResults:
		return o.Err == nil && o.Classification.NeedsReview
	default:
		return true
	}
}

// ResultQuery asks for a page of a job's results.
type ResultQuery struct {
	Owner  Owner
	ID     string // of the job
	Filter ResultFilter
	// Size is how many at most, 1 or more.
	Size int
	// Token is the token of the page before. Empty: the first page.
	Token string
	// Rows says that the rows of the items are read too.
	Rows bool
}

// ResultPage is what a page of results has besides them.
type ResultPage struct {
	// Next is the token of the next page. Empty: the job has ended, and has no more.
	Next string
	// State is the job's at that time.
	State JobState
	// Columns are those of the rows. Nil: the job has no rows, or they were not read.
	Columns []string
}
