package llm

import (
	"context"
	"errors"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// BackendName is what traces call this backend.
const BackendName = "openai"

// Ask returns the model's answer to a question, making as many calls as needed
// within the context's deadline and the config's bounds. It holds a lease
// only while a call is in flight, unless the question has a Hold.
//
// The error is a *fault.Fault: one of the UPSTREAM reasons, RATE_LIMITED,
// QUOTA_EXHAUSTED, MALFORMED_ANSWER, REFUSED or DEADLINE_EXCEEDED. If the
// caller cancelled ctx, it also is context.Canceled, and Ask returns at once. The
// answer's trace is filled in either way, except the latency; the caller sets the
// review mark.
func (c *Client) Ask(ctx context.Context, q catalog.Question) (answer catalog.Answer, err error) {
	a := c.begin(&q)
	if q.Picture != nil && c.sites.isBlind(a.need.Model) {
		return a.answer, a.blind()
	}
	if err := a.enter(ctx); err != nil {
		return a.answer, err
	}
	defer func() { a.entry.leave(false, err != nil) }()
	defer a.handOver()
	for {
		if f := a.overspent(); f != nil {
			return a.answer, f
		}
		lease, err := a.acquire(ctx)
		if err != nil {
			return a.answer, err
		}
		end := a.timedAttempt(ctx, lease)
		if end.step == stepDone {
			return a.answer, nil
		}
		if f := a.goOn(ctx, &end); f != nil {
			return a.answer, f
		}
	}
}

// asking is the state of a question that is being asked.
type asking struct {
	*Client
	question *catalog.Question
	user     string
	entry    *entry // while the model is not known yet
	entered  time.Time
	at       asked  // where the last call went
	secrets  hidden // what it sent
	room     int    // tokens that this question's answer needs; 0: the usual number
	mostRoom int    // tokens that it may have in addition to the question; 0: no bound
	answer   catalog.Answer
	need     upstream.Need

	failures  failures
	since     traffic   // of the site of the last call, when this question came to it
	waits     int       // calls that were throttled, since then
	waiting   time.Time // since the first of them
	moves     int       // calls whose key was at fault
	refused   int       // those of them that were refused though the key serves other items
	taught    int       // calls that said what the server lacks
	malformed int       // answers that could not be used
	absences  int       // refusals as if the address or the model were not there

	spent time.Duration // of the question's budget

	refusal *fault.Fault // when the question was last refused in the usual way

	// last is why the item waits for another attempt, nil if it never had one.
	last *fault.Fault
	// held is the lease of the last attempt if it keeps its place.
	held *upstream.Lease
	// body is the last request, used again if nothing about it changed.
	body []byte
	form form
}

// Bounds on calls that are not attempts. They end what would otherwise go on
// for ever if a server contradicts itself or no key is ever retired.
const (
	maxMoves   = 20
	maxLessons = 16
	// maxRefused is how often a key may be refused for one item while it serves others, in
	// addition to the first refusal, which may be about the key.
	maxRefused = 2
	// loadingFailures is after how many failures an item waits that finds its model being
	// loaded again and again: up to 2 s.
	loadingFailures = 2
)

func (c *Client) begin(q *catalog.Question) *asking {
	model := q.Model
	if model == "" {
		model = c.config.Model
	}
	user := string(c.prompt.AppendUser(make([]byte, 0, 512), q.Item, q.Picture != nil))
	a := &asking{Client: c, question: q, user: user}
	a.answer.Trace = catalog.Trace{
		Backend:       BackendName,
		Model:         model,
		Taxonomy:      c.prompt.TaxonomyVersion(),
		PromptVersion: c.prompt.Version(),
	}
	a.need = upstream.Need{
		Caller: q.Caller, Priority: q.Priority, Model: model, Began: q.Began, Within: q.Within,
		Tokens: c.parts.estimate(user, q.Picture != nil, c.config.Detail),
	}
	return a
}

// enter waits until it is known how the model is to be asked, or it is this question's
// part to find out.
func (a *asking) enter(ctx context.Context) error {
	ctx, stop := a.question.Waiting(ctx)
	defer stop()
	start := time.Now()
	e, err := a.openings.enter(ctx, a.need.Model)
	a.answer.Trace.QueueTime += time.Since(start)
	if err == nil {
		a.entry, a.entered = e, start
		return nil
	}
	a.queued(ctx, start, err)
	switch {
	case cancelled(ctx):
		return fault.From(ctx.Err())
	default:
		return a.gate.Late(a.need)
	}
}

// handOver gives the place that the last attempt keeps to the caller of Ask.
func (a *asking) handOver() {
	if a.held != nil {
		a.question.Hold(a.held.Release)
	}
}

// acquire waits for a lease, and counts the wait.
func (a *asking) acquire(ctx context.Context) (*upstream.Lease, error) {
	if a.held != nil { // the place is this attempt's
		a.held.Release()
		a.held = nil
	}
	ctx, stop := a.question.Waiting(ctx)
	defer stop()
	a.need.Attempt = a.answer.Trace.Attempts + 1
	a.need.Asked = a.entry.asked
	start := time.Now()
	lease, err := a.gate.Acquire(ctx, a.need)
	a.answer.Trace.QueueTime += time.Since(start)
	if a.need.Attempt == 1 {
		start = a.entered // one wait for the trace
	}
	a.queued(ctx, start, err)
	if err == nil {
		return lease, nil
	}
	if cancelled(ctx) {
		return nil, fault.From(ctx.Err())
	}
	if f := fault.From(err); f.Reason != fault.DeadlineExceeded {
		return nil, f // what held it up
	}
	return nil, late(a.last, fault.From(err))
}

// cancelled reports whether ctx has ended other than by a deadline: its own, or that of
// the last caller that waited for work of which it is the context.
func cancelled(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded)
}

// late returns the fault of an item whose deadline came before it had its turn:
// why it waited for another attempt, or else f.
func late(last, f *fault.Fault) *fault.Fault {
	if last == nil {
		return f
	}
	f = fault.Wrap(last, last.Reason, "the deadline came before another try: %s", last.Message)
	return f.After(last.RetryAfter)
}

// goOn decides what follows a call that gave no classification: another one, whose
// earliest start it sets, or the fault that ends the item.
//
// Retries are decided on here and nowhere else.
func (a *asking) goOn(ctx context.Context, end *outcome) *fault.Fault {
	a.need.NotBefore = time.Time{}
	switch end.step {
	case stepMove:
		return a.move(ctx, end)
	case stepLearned:
		a.taught++
		if a.taught > maxLessons {
			return end.fault
		}
		return nil
	case stepAskAgain:
		a.malformed++
		if a.malformed > 1 {
			return end.fault
		}
		a.last = end.fault
		return nil
	case stepWait:
		if a.throttledAlone() {
			return fault.Wrap(end.fault, fault.RateLimited, "%s (%d times, while others were answered: shorten the item)", end.fault.Message, a.waits)
		}
		return a.waitUntil(ctx, end)
	case stepRetry:
		switch {
		case end.means == meansLoading: // not a failure, but no reason to ask without end
			a.need.Failures = max(a.need.Failures, min(a.need.Failures+1, loadingFailures))
		case end.advice.Counts && a.usedUp(end):
			return end.fault
		}
		return a.waitUntil(ctx, end)
	default: // stepFail, stepGone
		return end.fault
	}
}

// move decides what follows a call whose key was at fault: another one on another key, or
// on the same one when it is tried again.
func (a *asking) move(ctx context.Context, end *outcome) *fault.Fault {
	a.moves++
	if end.result.Outcome == upstream.Refused && a.need.RefusedAt.IsZero() {
		a.need.RefusedAt = time.Now()
	}
	if end.advice.ItemRefused {
		if a.refused++; a.refused >= maxRefused {
			return end.itemFault
		}
	}
	if a.moves > maxMoves {
		return end.fault
	}
	return a.waitUntil(ctx, end)
}

// usedUp counts a failure, and reports whether it was the last one that the item may have.
func (a *asking) usedUp(end *outcome) bool {
	most, alike := a.config.MaxAttempts, a.failures.count(end)
	a.need.Failures = a.failures.all
	if end.onTheWay && a.since.answered() {
		return a.failures.all >= most && !a.since.byChance(a.failures.all) || a.failures.all >= 5*most
	}
	return alike >= most && !end.inChoice() || a.failures.all >= 2*most
}

// throttledAlone counts a call that was throttled, and reports whether it is this question
// that the server has no quota for, and not all of them.
func (a *asking) throttledAlone() bool {
	if a.waits++; a.waits == 1 {
		a.waiting = time.Now()
	}
	return time.Since(a.waiting) >= quotaPeriod && a.since.answered() && !a.since.byChance(a.waits)
}

// failures counts an item's failed attempts by their kind. What is wrong with an
// item or a server fails in one way each time; failures of different kinds in a
// row are bad luck, for which an item has twice the attempts.
type failures struct {
	all   int
	kinds map[failureKind]int
}

type failureKind struct {
	status int // 0: no answer
	reason fault.Reason
}

// count counts a failure and returns how many of its kind there were.
func (f *failures) count(end *outcome) int {
	if f.kinds == nil {
		f.kinds = map[failureKind]int{}
	}
	kind := failureKind{end.status, end.fault.Reason}
	f.all++
	f.kinds[kind]++
	return f.kinds[kind]
}

// waitUntil puts the next attempt off, as the gate advises. It returns the item's fault if its
// deadline comes first.
func (a *asking) waitUntil(ctx context.Context, end *outcome) *fault.Fault {
	a.last = end.fault
	a.need.NotBefore = end.advice.NotBefore
	if deadline, ok := ctx.Deadline(); ok && a.need.NotBefore.After(deadline) {
		return late(a.last, end.fault)
	}
	return nil
}
