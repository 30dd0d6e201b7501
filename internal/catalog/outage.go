package catalog

import "time"

// Outage is a model's server that does not answer, as far as the last calls to it
// have shown. All of it is safe to show.
type Outage struct {
	// Host is the server's, with its port, and nothing else of its address.
	Host string
	// Cause is how the last call failed, in a few words: "connection refused".
	Cause string
	// Since is when the call began that showed it first, LastTry when the last one
	// failed: without calls nothing is learned.
	Since, LastTry time.Time
}

// String says what does not answer and why, as a part of a sentence.
func (o *Outage) String() string {
	return "the model at " + o.Host + " does not answer (" + o.Cause + ")"
}

// Notice says that an outage holds a call up, or that it has ended.
type Notice struct {
	Outage Outage
	// Over says that the server answers again.
	Over bool
}

// String returns the notice as a line for people.
func (n *Notice) String() string {
	if n.Over {
		return "the model at " + n.Outage.Host + " answers again"
	}
	return n.Outage.String() + ", trying on"
}
