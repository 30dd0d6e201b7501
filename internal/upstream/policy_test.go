package upstream

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestLevelTellsBucketsFromWindows(t *testing.T) {
	for name, tc := range map[string]struct {
		reset  func(at instant, used float64) time.Duration
		bucket bool
	}{
		"bucket": {func(_ instant, used float64) time.Duration { return time.Duration(used / 100 * float64(time.Second)) }, true},
		"window": {func(at instant, _ float64) time.Duration { return 10*time.Second - at }, false},
	} {
		var l level
		for i := 1; i <= 6; i++ {
			at, used := time.Duration(i)*60*ms, float64(10*i)
			l.observe(reading{limit: 1000, remaining: 1000 - used, reset: tc.reset(at, used), sent: at, spent: used})
		}
		if l.bucket() != tc.bucket {
			t.Errorf("%s: taken for a bucket: %v", name, l.bucket())
		}
	}
}

func TestLevelIgnoresOlderReadings(t *testing.T) {
	var l level
	l.observe(reading{limit: 100, remaining: 10, reset: time.Second, sent: 200 * ms, spent: 90})
	l.observe(reading{limit: 100, remaining: 90, reset: time.Second, sent: 100 * ms, spent: 10})
	if got := l.available(200*ms, 95, 1); got != 5 {
		t.Errorf("%v left, want the 10 of the later call less the 5 spent since", got)
	}
}

func TestLevelStopsBeforeAWindowIsOver(t *testing.T) {
	var l level
	l.observe(reading{limit: 100, remaining: 1, reset: 5 * time.Second, sent: 0, spent: 99})
	if rate := l.rate(ms, 99, 1); rate <= 0 || rate > 1 {
		t.Errorf("the last call is paced at %v a second", rate)
	}
	if rate := l.rate(ms, 100, 1); rate != 0 {
		t.Errorf("paced at %v a second with nothing left", rate)
	}
	if at := l.opensAt(ms, 100, 1); at != 5*time.Second {
		t.Errorf("opens at %v", at)
	}
	if rate := l.rate(5*time.Second, 100, 1); math.Abs(rate-20) > 0.1 {
		t.Errorf("a new window of 100 in 5 s is paced at %v a second", rate)
	}
}

func TestLevelIsNeverStuck(t *testing.T) {
	l := level{compared: 2, windowErr: 1}
	l.observe(reading{limit: 100, remaining: 1, reset: 990 * ms, sent: 0, spent: 46})
	l.compared, l.windowErr, l.refill, l.others = 2, 1, 100, 101
	if rate := l.rate(levelTrust+ms, 46, 1); rate <= 0 {
		t.Errorf("paced at %v a second, and nothing will ever be read again", rate)
	}
}

func TestLimitGrowsOnlyWhereItBinds(t *testing.T) {
	l := newLimit(20, 256, false)
	l.succeeded(0, false)
	if l.value != 20 {
		t.Errorf("grew to %v idle", l.value)
	}
	l.succeeded(0, true)
	if l.value != 20+limitStep {
		t.Errorf("grew to %v in slow start", l.value)
	}
	l.endSlowStart()
	for range 22 {
		l.succeeded(0, true)
	}
	if l.value < 23 || l.value > 25 {
		t.Errorf("grew to %v in a round", l.value)
	}
}

func TestLimitIsCutOnceAnEpisode(t *testing.T) {
	l := newLimit(100, 256, false)
	l.overloaded(time.Second, 0, 100)
	if l.value != 100 {
		t.Errorf("one overload that came alone cut the limit to %v", l.value)
	}
	for range 5 {
		l.strained(true)
	}
	l.overloaded(time.Second, 0, 100)
	l.overloaded(time.Second+ms, ms, 100)
	if l.value != 70 {
		t.Errorf("cut to %v", l.value)
	}
	l.succeeded(2*time.Second, true)
	if l.value != 70 {
		t.Error("grew too soon after a cut")
	}
	fixed := newLimit(100, 100, true)
	fixed.strained(true)
	fixed.overloaded(time.Second, 0, 100)
	fixed.restart(time.Second, 5)
	if fixed.value != 100 {
		t.Errorf("a fixed pool moved to %v", fixed.value)
	}
}

func TestBreakerGoesByWhenCallsStarted(t *testing.T) {
	b := newBreaker()
	b.good(0, 10*ms)
	for range 10 {
		if b.failed(0, 5*ms) {
			t.Fatal("opened by calls from before the newest success")
		}
	}
	for i := range 4 {
		b.failed(0, time.Duration(11+i)*ms)
	}
	b.good(0, 12*ms) // two of the four started after this
	for i, want := range []bool{false, false, true} {
		if b.failed(time.Second, 20*ms) != want {
			t.Fatalf("five failures after the newest success open it, not %d", 3+i)
		}
	}
	if b.good(2*time.Second, 900*ms) {
		t.Error("closed by a call from before it opened")
	}
	if !b.good(2*time.Second, 1500*ms) {
		t.Error("not closed by a probe")
	}
}

// refusals are the 429s of calls with the numbers, of so many starts at so many a second.
func refusals(l *learned, at instant, total int64, speed float64, numbers ...int64) (m meaning) {
	for _, n := range numbers {
		m = l.throttled(refusal{now: at, started: at - 10*ms, number: n, total: total, speed: speed})
	}
	return m
}

func TestLearnedCutsOnceAndComesBack(t *testing.T) {
	l := newLearned()
	var got meaning
	for n := int64(200); n < 205; n++ {
		got = l.throttled(refusal{now: time.Second, started: time.Second - 10*ms, number: n, total: 220, speed: 200, rising: true})
	}
	if got != meansCut || l.current() > 120 {
		t.Fatalf("%v, %v a second", got, l.current())
	}
	if got := refusals(&l, time.Second+ms, 220, 200, 210); got != meansNothing {
		t.Errorf("a call from before the cut is news: %v", got)
	}
	if got := refusals(&l, 1200*ms, 223, 200, 221, 222, 223); got != meansUsedUp || l.current() > dryAsk {
		t.Errorf("the very next calls: %v, %v a second", got, l.current())
	}
	l.succeeded(224, 224)
	for l.curve() < 80 {
		l.advance(100 * ms)
	}
	// 204 to 522 in 4 s, some of them refused.
	if got := refusals(&l, 5*time.Second, 530, 130, 518, 519, 520, 521, 522); got != meansCut && got != meansNothing {
		t.Fatalf("%v", got)
	}
	if want := 310.0 / 4; math.Abs(l.top-want) > 6 {
		t.Errorf("the top is %v, want the goodput %v", l.top, want)
	}
	low := l.current()
	for range 6 {
		l.advance(time.Second / 2)
	}
	if l.current() < 0.98*l.top || low >= l.top {
		t.Errorf("from %v to %v, around %v", low, l.current(), l.top)
	}
}

func TestLearnedMakesNoTrialInSlowStart(t *testing.T) {
	for _, rising := range []bool{true, false} {
		l, tried := newLearned(), false
		for n := int64(10); n <= 200; n += 10 {
			at := time.Duration(n) * ms
			l.throttled(refusal{now: at, started: at - ms, number: n, total: n, speed: float64(n), rising: rising})
			tried = tried || l.trial.on
			l.succeeded(n+1, n+1)
		}
		if tried == rising || rising && l.current() < 1000 {
			t.Errorf("rising %v: trial %v, %v a second", rising, tried, l.current())
		}
	}
}

func TestLearnedPassesStrayRefusals(t *testing.T) {
	l := newLearned()
	for n := int64(1); n <= 20_000; n++ {
		at := time.Duration(n) * 2 * ms
		if n%100 != 0 {
			l.succeeded(n, n)
		} else if got := refusals(&l, at, n, 500, n); got != meansNothing && got != meansWait {
			t.Fatalf("call %d: %v", n, got)
		}
		if l.current() < 500 {
			t.Fatalf("call %d: slowed down to %v a second", n, l.current())
		}
	}
	if l.stray < 0.005 || l.stray > 0.02 {
		t.Errorf("%v of the calls are taken to be refused at any speed, want 0.01", l.stray)
	}
}

func TestLearnedTriesWhatItCannotTell(t *testing.T) {
	for name, tc := range map[string]struct {
		inTrial, after []int64
		want           meaning
	}{
		"429s go on, so they are stray":            {inTrial: []int64{120, 130, 140, 155}, after: []int64{12, 24, 36, 48}, want: meansNothing},
		"429s vanish and return: they are a limit": {after: []int64{8, 16, 24, 32, 40}, want: meansCut},
	} {
		l := newLearned()
		refusals(&l, time.Second, 110, 100, 78, 86, 92, 98, 104)
		if !l.trial.on || l.current() > 80 {
			t.Fatalf("%s: no trial at four fifths, but %v a second", name, l.current())
		}
		refusals(&l, 2*time.Second, 160, 80, tc.inTrial...)
		for n := int64(150); n < 550 && l.trial.on; n++ {
			l.succeeded(n, n)
		}
		if l.trial.on {
			t.Fatalf("%s: the trial does not end", name)
		}
		got := meansNothing
		for from := l.total; len(tc.after) > 0 && got != meansCut; tc.after = tc.after[1:] {
			got = refusals(&l, 4*time.Second, from+tc.after[0], 100, from+tc.after[0])
		}
		if cut := got == meansCut; cut != (tc.want == meansCut) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestPauseTakesTheLaterEnd(t *testing.T) {
	p := newPacer(newRandom(1, 1))
	p.pause(0, time.Minute, 10*ms)
	p.pause(0, time.Second, 10*ms)
	if at := p.due(10 * ms); at < time.Minute || at > time.Minute+10*ms {
		t.Errorf("goes on at %v", at)
	}
}

func TestBudgetDelaysAndNeverForbids(t *testing.T) {
	b := budget{left: budgetSize}
	for range int(budgetSize) {
		if d := b.take(0); d != 0 {
			t.Fatalf("delayed by %v within the budget", d)
		}
	}
	for range 1000 {
		if d := b.take(0); d <= 0 || d > budgetLatest {
			t.Fatalf("delayed by %v beyond the budget", d)
		}
	}
}

func TestKeyRestsLongerEachTime(t *testing.T) {
	k := key{weight: 1}
	now := instant(0)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		k.retire(now, Refused, "401")
		k.retire(now, Refused, "401") // of a call that was in flight too
		if got := k.dueAt - now; got != want*time.Minute {
			t.Fatalf("rests for %v, want %v", got, want*time.Minute)
		}
		now = k.dueAt
	}
	if k.accepted(now - 1) {
		t.Error("brought back by a call from before")
	}
	if !k.accepted(now) || k.retired != 0 || k.rest != 0 {
		t.Error("not brought back")
	}
}

func TestRecentForgets(t *testing.T) {
	var r recent
	for i := range 300 {
		r.add(time.Duration(i) * 10 * ms)
	}
	if rate := r.rate(3 * time.Second); rate < 90 || rate > 105 {
		t.Errorf("%v a second, want 100", rate)
	}
	if n := r.count(time.Hour); n != 0 {
		t.Errorf("%d after an hour", n)
	}
}

func TestLimitTakesBackWhatIsNotUsed(t *testing.T) {
	l := newLimit(20, 256, false)
	l.set(200)
	l.started(time.Second, 40)
	l.started(limitTrim, 1)
	if l.value != 60 {
		t.Errorf("%v is left of 200 after a peak of 40", l.value)
	}
	l.started(2*limitTrim, 1)
	if l.value != 20 {
		t.Errorf("idling leaves %v, want what it began with", l.value)
	}
}

func TestEstimateFollowsUsage(t *testing.T) {
	e := estimate{factor: 1}
	for range 300 {
		e.follow(1000, 1500)
	}
	if got := e.cost(2000); math.Abs(got-3000) > 20 {
		t.Errorf("2,000 guessed tokens cost %v, want 3,000", got)
	}
	if got := e.cost(0); math.Abs(got-1500) > 20 {
		t.Errorf("no guess costs %v, want the mean", got)
	}
}

func TestHeadersAreIgnoredAfterTwoContradictions(t *testing.T) {
	var i ignored
	for range 100 {
		i.refused(time.Second, ignoreShare/2)
	}
	i.refused(time.Second, 1)
	if i.now(time.Second) {
		t.Fatal("ignored too soon")
	}
	i.refused(2*time.Second, 1)
	if !i.now(2*time.Second) || i.now(2*time.Second+ignoreFirst) {
		t.Error("headers are to be ignored for a minute")
	}
}
