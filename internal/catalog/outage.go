package catalog

import "time"

// Outage is a model's server that did not answer the last calls. All its fields are safe
// to show.
type Outage struct {
	// Host is the server's host and port, without the rest of its address.
	Host string
	// Cause is how the last call failed, in a few words: "connection refused".
	Cause string
	// Since is the start of the first failed call, LastTry the end of the last one.
	Since, LastTry time.Time
}

// String returns the server and the cause as a part of a sentence.
func (o *Outage) String() string {
	return "the model at " + o.Host + " does not answer (" + o.Cause + ")"
}

// Notice reports that an outage delays a call, or that the outage is over.
type Notice struct {
	Outage Outage
	// Over is true if the server answers again.
	Over bool
}

// String returns the notice as a line for people.
func (n *Notice) String() string {
	if n.Over {
		return "the model at " + n.Outage.Host + " answers again"
	}
	return n.Outage.String() + ", trying on"
}
