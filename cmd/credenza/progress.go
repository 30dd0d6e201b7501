package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a call is, where people look on.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress returns a progress on w. It stays silent where w is no terminal,
// or where the results themselves appear on the same one.
func newProgress(w io.Writer, resultsOnTerminal bool) *progress {
	if !isTerminal(w) || resultsOnTerminal {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(-1, // the number of rows is known at the end only
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("classifying"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("items"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0), // turns with the items, without a goroutine
	)}
}

// done adds n results.
func (p *progress) done(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // a terminal that is gone is no reason to stop
	}
}

// end removes the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
