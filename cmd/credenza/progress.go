package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// progress shows a progress bar of a call or a job on a terminal, or a line from time to
// time elsewhere. It uses no colours, so there are none that NO_COLOR would leave out. It is safe
// for concurrent use.
type progress struct {
	mu    sync.Mutex // a note and the bar must not share a line
	bar   *progressbar.ProgressBar
	lines *progressLines // nil: none are wanted
	what  string
	most  int // characters of the bar's text; 0: any number
}

// unknownTotal is for rows of a file, whose number is known at the end only.
const unknownTotal = -1

// countsWidth is how much of a line the counts, the speed and the times take. A line that is
// longer than the terminal's would be left behind at each change.
const countsWidth = 60

// newProgress returns a progress on w. It prints nothing if w is not a terminal or if
// the results appear on the same terminal.
func newProgress(w io.Writer, resultsOnTerminal bool, what string, total int64) *progress {
	if !isTerminal(w) || resultsOnTerminal {
		return &progress{}
	}
	return newBar(w, what, total)
}

func newBar(w io.Writer, what string, total int64) *progress {
	width, _ := terminalSize(w)
	if file, ok := asFile(w); ok {
		w = file // of which the bar asks the width, to fit it
	}
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
	return &progress{bar: bar, what: what, most: roomFor(what, width)}
}

// roomFor returns how many characters the bar's text may have on lines of width characters, those
// of its first text at least, and 0 for any number if the width is not known.
func roomFor(what string, width int) int {
	if width == 0 {
		return 0
	}
	return max(len(what), width-countsWidth)
}

// done adds n results. It ignores errors of the terminal, as the other methods do.
func (p *progress) done(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add(n)
	}
}

// at sets the number of results to n.
func (p *progress) at(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Set64(n)
	}
}

// hideWhile removes the bar while talk prints, and draws it again below.
func (p *progress) hideWhile(talk func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
		bar.hideWhile(func() { printLine(notes, "credenza: %s", n.Message) })
	}
}

// end removes the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// lineEvery is how often progress is printed where there is no terminal.
const lineEvery = 10 * time.Second

// progressLines prints lines of progress.
type progressLines struct {
	w           io.Writer
	start, last time.Time
}

// newBar returns the progress of a run: a bar if notes is a terminal and the results do
// not appear there, lines if it is none.
func (r *classifyRun) newBar() *progress {
	const what = "classifying"
	if !isTerminal(r.notes) {
		now := time.Now()
		return &progress{what: what, lines: &progressLines{w: r.notes, start: now, last: now}}
	}
	total := int64(1) // the first results say more
	if r.in.counted == nil && r.pick.size() == 0 {
		total = unknownTotal
	}
	return newProgress(r.notes, r.to.stream != nil && r.to.stream.terminal, what, total)
}

// progressed shows the counts of a run. So many rows wait to be written, and a fraction of
// the input was read; 0 if that is not known.
func (p *progress) progressed(t *tally, waiting int, fraction float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 0
	if fraction > 0 {
		left = max(0, int(float64(t.Rows+waiting)/fraction)-t.Rows)
	}
	switch {
	case p.bar != nil:
		if fraction > 0 {
			p.bar.ChangeMax(t.Rows + max(left, 1))
		}
		p.bar.Describe(shortened(table.Printable(p.what+t.problems()), p.most)) // a service names the reasons
		_ = p.bar.Set(t.Rows)
	case p.lines != nil:
		p.lines.show(t, left)
	}
}

// shortened returns a text of at most so many characters, 0 for any number.
func shortened(text string, most int) string {
	runes := []rune(text)
	if most == 0 || len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// show prints a line if the last one was some time ago.
func (l *progressLines) show(t *tally, left int) {
	now := time.Now()
	if now.Sub(l.last) < lineEvery {
		return
	}
	l.last = now
	line := catalog.Count(t.Rows, "item")
	rate := float64(t.Rows-t.rowsBefore) / now.Sub(l.start).Seconds()
	if left > 0 {
		line = fmt.Sprintf("%d of about %s", t.Rows, catalog.Count(t.Rows+left, "item"))
	}
	line += fmt.Sprintf(", %.1f items/s", rate)
	if left > 0 && rate > 0 {
		line += fmt.Sprintf(", about %v left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	printLine(l.w, "credenza: %s%s", line, t.problems())
}
