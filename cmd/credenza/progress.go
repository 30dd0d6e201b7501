package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// progress shows a progress bar of a call or a job on a terminal.
type progress struct{ bar *progressbar.ProgressBar }

// unknownTotal is for rows of a file, whose number is known at the end only.
const unknownTotal = -1

// newProgress returns a progress on w. It prints nothing if w is not a terminal or if
// the results appear on the same terminal.
func newProgress(w io.Writer, resultsOnTerminal bool, what string, total int64) *progress {
	if !isTerminal(w) || resultsOnTerminal {
		return &progress{}
	}
	return newBar(w, what, total)
}

func newBar(w io.Writer, what string, total int64) *progress {
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("items"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0), // turns with the items, without a goroutine
	)
	if total != unknownTotal {
		_ = bar.RenderBlank() // a job may be quiet for long
	}
	return &progress{bar}
}

// done adds n results. It ignores errors of the terminal, as the other methods do.
func (p *progress) done(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n)
	}
}

// at sets the number of results to n.
func (p *progress) at(n int64) {
	if p.bar != nil {
		_ = p.bar.Set64(n)
	}
}

// hideWhile removes the bar while talk prints.
func (p *progress) hideWhile(talk func()) {
	if p.bar == nil {
		talk()
		return
	}
	_ = p.bar.Clear()
	talk()
	_ = p.bar.RenderBlank()
}

// onNotice returns a function that prints notices of outages on notes.
func onNotice(notes io.Writer, bar *progress) func(credenza.Notice) {
	return func(n credenza.Notice) {
		bar.hideWhile(func() { printLine(notes, "credenza: %s", table.Printable(n.Message)) })
	}
}

// end removes the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
