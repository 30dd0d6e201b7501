package catalog

import "time"

// JobState is the state of a job.
type JobState uint8

// The states. Their numbers are stored, and never used for something else.
const (
	JobQueued JobState = iota + 1
	JobRunning
	JobSucceeded
	JobCancelled
	JobFailed
	JobPaused
)

// Ended reports whether the state is final.
func (s JobState) Ended() bool { return s == JobSucceeded || s == JobCancelled || s == JobFailed }

// JobSpec describes a job to create.
type JobSpec struct {
	Options Options
	// Name is for people.
	Name string
	// RequestID is the caller's key: the same one of the same owner names the same
	// job. Empty: a new job each time.
	RequestID string
	Owner     Owner
}

// Owner identifies the caller of an operation on jobs.
type Owner struct {
	// Name is the authenticated caller's name; empty without authentication.
	Name string
	// All allows the caller to see all jobs.
	All bool
}

// Sees reports whether the owner may see a job that belongs to name.
func (o Owner) Sees(name string) bool { return o.All || o.Name == name }

// Job is a catalogue that is classified in the background.
type Job struct {
	ID    string
	Name  string
	Owner string
	State JobState
	// Options are as the job's caller gave them.
	Options  Options
	Progress Progress
	// Failures counts failed items by their reason's name.
	Failures map[string]int64
	// Usage is that of all items so far.
	Usage   Usage
	Created time.Time
	Started time.Time // zero: no replica has started it
	Ended   time.Time // zero: it has not
	// Message is why the job does not progress, such as why it is paused, or why it failed.
	Message string
	// RetryOf is the job whose failed items these are.
	RetryOf string
}

// JobQuery asks for a page of jobs.
type JobQuery struct {
	Owner Owner
	// State is the one to list; 0: all.
	State JobState
	// Size is how many at most, 1 to 1,000.
	Size int
	// Token is the token of the page before. Empty: the first page.
	Token string
}

// JobEvent is one step of watching a job: a batch, a notice, or the summary at the
// end.
type JobEvent struct {
	Batch   *Batch
	Notice  *Notice
	Summary *Summary
	// Token resumes after this event.
	Token string
}
