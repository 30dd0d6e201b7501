package catalog

import (
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// ModelCall describes a call to the model that has ended, for traces.
type ModelCall struct {
	Began, Ended time.Time
	Attempt      int    // from 1, of the question's calls
	Group        string // the quota group
	Provider     string // by the name that presets have; empty: not known
	Host         string // of the server
	Port         int    // 0: not known
	Model        string // as the server knows it
	MaxTokens    int    // for the answer; 0: not bounded
	Status       int    // of HTTP; 0: there was no answer
	Usage        Usage
	// What the answer says of itself; empty: nothing.
	ResponseModel, ResponseID, Finish string
	// Err is nil if the answer was usable.
	Err *fault.Fault
	// Question and Answer are the texts, which are shown to no operator who did not ask for them.
	Question, Answer string
}
