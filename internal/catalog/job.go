package catalog

import "time"

// JobState is where a job is in its life.
type JobState uint8

// The states. From JobSucceeded on they are final.
const (
	JobQueued JobState = iota + 1
	JobRunning
	JobSucceeded
	JobCancelled
	JobFailed
)

// Ended reports whether the state is final.
func (s JobState) Ended() bool { return s >= JobSucceeded }

// JobSpec is what a caller wants of a job.
type JobSpec struct {
	Options Options
	// Name is for people.
	Name string
	// RequestID is the caller's key: the same one of the same owner names the same
	// job. Empty: a new job each time.
	RequestID string
	Owner     Owner
}

// Owner is who asks for a job.
type Owner struct {
	// Name is the authenticated caller's; empty where callers are not known.
	Name string
	// All says that the caller may see everybody's jobs.
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
	Created  time.Time
	Started  time.Time // zero: nobody has taken it up
	Ended    time.Time // zero: it has not
	// Message is what keeps the job from going on, or why it failed.
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
	// Token is where the page before ended. Empty: the first page.
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
