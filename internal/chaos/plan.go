package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// plan is how the time is used.
type plan struct {
	duration time.Duration
	warm     time.Duration // of the load whose rest is the base line of memory and goroutines
	baseline time.Duration // of the throughput without faults
	storm    time.Duration
	settle   time.Duration // after a storm, before the throughput is measured
	calm     time.Duration // in which it is measured
	rest     time.Duration // until processes are back at their base line, at most
	short    bool
	again    int // times that a calm is measured again if it was slow
}

// shortRun is the duration under which a run has one storm, and no long faults.
const shortRun = 2 * time.Minute

func planOf(d time.Duration) plan {
	p := plan{
		duration: d, warm: 20 * time.Second, baseline: 40 * time.Second,
		storm: 24 * time.Second, settle: 5 * time.Second, calm: 11 * time.Second, rest: 150 * time.Second,
	}
	if d < shortRun {
		p.short, p.again = true, 10
		p.warm, p.baseline, p.storm, p.settle, p.calm = 4*time.Second, 8*time.Second, 12*time.Second, 5*time.Second, 6*time.Second
	}
	return p
}

// speed is results in a time.
type speed struct {
	results int64
	took    time.Duration
	work    time.Duration // that a fixed piece of work took, which shows how busy the machine is
}

func (s speed) perSecond() float64 {
	if s.took == 0 {
		return 0
	}
	return float64(s.results) / s.took.Seconds()
}

// report is what a run found.
type report struct {
	*world
	short    bool
	baseline speed
	calms    speed
	worst    float64 // of the calms
	before   map[string]figures
	after    map[string]figures
	model    modelStats
	took     time.Duration
}

// runPlan plays the plan. An error is one of the program; invariants are in the book.
func runPlan(ctx context.Context, w *world, p plan) (r *report, err error) {
	r = &report{world: w, short: p.short, took: p.duration}
	began := time.Now()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go w.book.watchCalls(watching)

	w.book.say("warming up")
	if err := w.work(ctx, true, func(ctx context.Context) { _ = pause(ctx, p.warm) }); err != nil {
		return r, err
	}
	r.before = w.settled(ctx, nil, p.rest)
	err = w.work(ctx, p.short, func(ctx context.Context) {
		w.book.say("base line")
		_ = pause(ctx, p.settle)
		r.baseline = w.measure(ctx, p.baseline)
		w.book.say("base line: %.0f results/s", r.baseline.perSecond())
		r.storms(ctx, p, began.Add(p.duration))
		w.book.say("the last jobs end")
	})
	if ctx.Err() != nil {
		return r, errors.New("the run was broken off: its figures say nothing")
	}
	if err != nil {
		w.book.violate("%v", err)
	}
	r.after = w.settled(ctx, r.before, p.rest)
	r.finish(ctx)
	return r, ctx.Err()
}

// storms plays storms and calms until a time.
func (r *report) storms(ctx context.Context, p plan, until time.Time) {
	s := newStorm(r.world, p.short)
	for n := 1; ctx.Err() == nil && (n == 1 || time.Now().Add(p.storm+p.settle+p.calm).Before(until)); n++ {
		s.blow(ctx, p.storm)
		_ = pause(ctx, p.settle)
		calm := r.calm(ctx, p)
		r.calms.results += calm.results
		r.calms.took += calm.took
		r.calms.work = calm.work
		if n == 1 || calm.perSecond() < r.worst {
			r.worst = calm.perSecond()
		}
		r.checkSecrets(ctx)
		r.book.say("storm %d: %d faults so far, then %.0f results/s (%.0f %%); %s", n, r.book.total("fault"),
			calm.perSecond(), 100*calm.perSecond()/r.baseline.perSecond(), r.paces(ctx))
	}
}

// calm measures the throughput between faults. A short run has one calm, and so a moment in which
// the machine does other work would decide: that passes, and what a fault left behind does not.
func (r *report) calm(ctx context.Context, p plan) speed {
	calm := r.measure(ctx, p.calm)
	for n := 0; n < p.again && ctx.Err() == nil && r.slow(calm); n++ {
		r.book.say("only %.0f results/s: measured again", calm.perSecond())
		calm = r.measure(ctx, p.calm)
	}
	return calm
}

// slow reports whether a throughput is below the goal.
func (r *report) slow(s speed) bool { return s.perSecond() < throughputGoal*r.baseline.perSecond() }

// busier is from how many times the work of the base line on the machine does so much else that a
// throughput says nothing.
const busier = 1.5

// checkSpeed compares the throughput between faults with that without. A long run has many calms,
// and each counts.
func (r *report) checkSpeed() {
	switch {
	case !r.slow(r.calms):
	case r.short && r.calms.work.Seconds() > busier*r.baseline.work.Seconds():
		r.book.say("%.0f results/s between faults, %.0f without, which says nothing: the machine got busy, and took %v for what took %v before",
			r.calms.perSecond(), r.baseline.perSecond(), r.calms.work, r.baseline.work)
	default:
		r.book.violate("%.0f results/s between faults, %.0f without", r.calms.perSecond(), r.baseline.perSecond())
	}
}

// paces says how each replica paces its calls to the model.
func (w *world) paces(ctx context.Context) string {
	var all []string
	for _, r := range w.replicas {
		all = append(all, r.name+" "+w.pace(ctx, r))
	}
	return strings.Join(all, ", ")
}

func (w *world) pace(ctx context.Context, r *replica) string {
	c, err := w.dial(r.grpcAddr)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	status, err := c.Status(ctx)
	if err != nil || len(status.Groups) == 0 {
		return fmt.Sprint("unknown: ", err)
	}
	g := status.Groups[0]
	text := fmt.Sprintf("%d of %d", g.InFlight, g.Limit)
	if g.Braked {
		text += " braked"
	}
	if g.BreakerOpen {
		text += " open"
	}
	return text + fmt.Sprintf(" %v/%v", g.Latency.P50.Round(time.Millisecond), g.Latency.P95.Round(time.Millisecond))
}

// work runs clients while f does, and then until their calls and jobs have ended.
func (w *world) work(ctx context.Context, brief bool, f func(ctx context.Context)) error {
	begin, stop := context.WithCancel(ctx)
	defer stop()
	l, err := newLoad(begin, w, brief)
	if err != nil {
		return err
	}
	l.start()
	f(ctx)
	stop()
	return l.wait(ctx, jobTime)
}

// measure counts the results that clients get in a time.
func (w *world) measure(ctx context.Context, d time.Duration) speed {
	began, before := time.Now(), w.book.answered.Load()
	work := worked(ctx, began.Add(d))
	return speed{w.book.answered.Load() - before, time.Since(began), work}
}

// workPause is between two pieces of work, so that they take no processor from others.
const workPause = 250 * time.Millisecond

// worked does a fixed piece of work again and again until a time, and returns what it took on average.
func worked(ctx context.Context, until time.Time) time.Duration {
	block, sum, n := make([]byte, 4<<20), time.Duration(0), time.Duration(0)
	for ctx.Err() == nil && time.Now().Before(until) {
		began := time.Now()
		sha256.Sum256(block)
		sum += time.Since(began)
		n++
		_ = pause(ctx, min(workPause, time.Until(until)))
	}
	return sum / max(n, 1)
}
