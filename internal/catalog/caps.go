package catalog

import "slices"

// Cap is one of the bounds that a caller can have.
type Cap uint8

// The caps.
const (
	// CapItemsInFlight bounds the items that were admitted and have no outcome yet.
	CapItemsInFlight Cap = iota
	// CapItemsPerMinute bounds the items that are admitted within a minute of the clock.
	CapItemsPerMinute
	// CapItemsPerDay bounds the items that are admitted within a day, in UTC.
	CapItemsPerDay
	// CapTokensPerDay bounds the tokens of the model, prompts and completions, within a
	// day, in UTC.
	CapTokensPerDay
	// CapJobs bounds the jobs that have not ended.
	CapJobs
	// CapJobBytes bounds the bytes of the items of all stored jobs, ended or not.
	CapJobBytes
	NumCaps
)

var capNames = [NumCaps]string{"items_in_flight", "items_per_minute", "items_per_day", "tokens_per_day", "jobs", "job_bytes"}

// String returns the cap's name, which is stable.
func (c Cap) String() string { return capNames[c] }

// CapNamed returns the cap of that name.
func CapNamed(name string) (Cap, bool) {
	at := slices.Index(capNames[:], name)
	return Cap(max(at, 0)), at >= 0
}

// Caps are the caps of one caller. 0: there is no bound.
type Caps [NumCaps]int64

// CapsInUse are the caps of a caller and what it uses of each, on all replicas.
type CapsInUse struct {
	Caller string
	Caps   Caps
	Used   Caps
}

// Admission is how an item is admitted by its caller's caps.
type Admission struct {
	// First: the item is the first of its call, which is refused over any cap.
	First bool
	// Patient: the item waits, whatever the cap.
	Patient bool
}

// Waits reports whether an item over the cap waits and is not refused. Items of a call
// in progress end and make room in flight.
func (a Admission) Waits(c Cap) bool { return a.Patient || !a.First && c == CapItemsInFlight }

// KeptJob is a stored job, as caps count it.
type KeptJob struct {
	ID     string
	Active bool // it has not ended
	Bytes  int64
}
