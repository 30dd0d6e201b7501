package llm_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

// TestWaits checks when the call after a failure starts.
func TestWaits(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	tests := map[string]struct {
		first    answer
		min, max time.Duration
	}{
		"429, seconds":      {answer{status: 429, body: "{}", header: header("Retry-After", "2")}, 2 * time.Second, 2020 * time.Millisecond},
		"429, milliseconds": {answer{status: 429, body: "{}", header: header("Retry-After", "9", "retry-after-ms", "700")}, 700 * time.Millisecond, 800 * time.Millisecond},
		"429, date": {answer{status: 429, body: "{}", header: header(
			"Date", "Mon, 02 Jan 2006 15:04:05 GMT", "Retry-After", "Mon, 02 Jan 2006 15:04:08 GMT")}, 3 * time.Second, 3100 * time.Millisecond},
		"429, reset": {answer{status: 429, body: "{}", header: header(
			"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "1.5s",
			"x-ratelimit-remaining-tokens", "10", "x-ratelimit-reset-tokens", "6m0s")}, 100 * time.Millisecond, 1520 * time.Millisecond},
		"429, no word":                    {answer{status: 429, body: "{}"}, 100 * time.Millisecond, 300 * time.Millisecond},
		"429, nonsense":                   {answer{status: 429, body: "{}", header: header("Retry-After", "-5")}, 100 * time.Millisecond, 300 * time.Millisecond},
		"503, seconds":                    {answer{status: 503, body: "{}", header: header("Retry-After", "4")}, 4 * time.Second, 4020 * time.Millisecond},
		"503, ten minutes":                {answer{status: 503, body: "{}", header: header("Retry-After", "600")}, 10 * time.Minute, 10*time.Minute + 20*time.Millisecond},
		"503, no word":                    {answer{status: 503, body: "{}"}, 0, 500 * time.Millisecond},
		"an unusable reply":               {answer{content: "?"}, 0, 0},
		"a hang costs one attempt's time": {answer{hang: true}, 30 * time.Second, 30500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: []answer{{}, tt.first, {}}}, one, func(t *testing.T, b *bench) {
				answerOne(t, b)
				start := time.Now()
				if _, err := b.Ask(t.Context(), sofa()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < tt.min || took > tt.max {
					t.Errorf("took %v, want %v to %v", took, tt.min, tt.max)
				}
			})
		})
	}
}

// TestDeadline checks which reason an item has whose time is up.
func TestDeadline(t *testing.T) {
	slow := http.Header{"Retry-After": {"60"}}
	tests := map[string]struct {
		script  []answer
		full    bool // the gate has no room
		known   bool // the server has answered before
		timeout time.Duration
		want    fault.Reason
		early   bool // told before the deadline
	}{
		"waiting for quota":         {script: []answer{{status: 429, body: "{}"}}, timeout: 10 * time.Second, want: fault.RateLimited, early: true},
		"quota comes too late":      {script: []answer{{status: 429, header: slow, body: "{}"}}, timeout: 10 * time.Second, want: fault.RateLimited, early: true},
		"waiting after 503":         {script: []answer{{status: 503, header: slow, body: "{}"}}, timeout: 10 * time.Second, want: fault.UpstreamUnavailable, early: true},
		"in a call":                 {script: []answer{{hang: true}}, timeout: 10 * time.Second, want: fault.UpstreamTimeout},
		"in the second call":        {script: []answer{{status: 500, body: "{}"}, {hang: true}}, timeout: 10 * time.Second, want: fault.UpstreamTimeout},
		"in the queue":              {script: []answer{{}}, full: true, timeout: 10 * time.Second, want: fault.DeadlineExceeded},
		"attempts before the limit": {script: []answer{{}, {hang: true}}, known: true, timeout: 10 * time.Minute, want: fault.UpstreamTimeout, early: true},
		"nothing was ever answered": {script: []answer{{hang: true}}, timeout: 5 * time.Minute, want: fault.UpstreamTimeout},
		"while the model is loaded": {script: []answer{{status: 503, body: apiErr("", "Loading model")}}, timeout: 5 * time.Minute, want: fault.UpstreamUnavailable, early: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, one, func(t *testing.T, b *bench) {
				if tt.full {
					defer fill(t, b)()
				}
				if tt.known {
					answerOne(t, b)
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				defer cancel()
				start := time.Now()
				got, err := b.Ask(ctx, sofa())
				checkEnd(t, err, tt.want, "")
				if took := time.Since(start); took > tt.timeout || (took == tt.timeout) == tt.early {
					t.Errorf("took %v of %v", took, tt.timeout)
				}
				if tt.full && got.Trace.QueueTime != tt.timeout {
					t.Errorf("queue time %v", got.Trace.QueueTime)
				}
			})
		})
	}
}

func TestDoomedWait_SaysWhenToComeAgain(t *testing.T) {
	script := []answer{{status: 429, header: http.Header{"Retry-After": {"60"}}, body: "{}"}}
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.Ask(ctx, sofa())
		if f := fault.From(err); f.RetryAfter != time.Minute {
			t.Errorf("retry after %v, want the server's minute", f.RetryAfter)
		}
	})
}

// fill takes every slot of the gate and returns what gives them back.
func fill(t *testing.T, b *bench) (free func()) {
	t.Helper()
	var frees []func()
	for range b.gate.Limit() {
		lease, err := b.gate.Gate.Acquire(t.Context(), needOf())
		if err != nil {
			t.Fatal(err)
		}
		frees = append(frees, func() { lease.Settle(abandoned()) })
	}
	return func() {
		for _, f := range frees {
			f()
		}
	}
}

func TestCancelReturnsAtOnce(t *testing.T) {
	tests := map[string]struct {
		script []answer
		full   bool
	}{
		"in a call":      {[]answer{{hang: true}}, false},
		"in a wait":      {[]answer{{status: 503, header: http.Header{"Retry-After": {"60"}}, body: "{}"}}, false},
		"in the queue":   {[]answer{{}}, true},
		"between 429s":   {[]answer{{status: 429, body: "{}"}}, false},
		"after one hang": {[]answer{{status: 500, body: "{}"}, {hang: true}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, one, func(t *testing.T, b *bench) {
				if tt.full {
					defer fill(t, b)()
				}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				start := time.Now()
				_, err := b.Ask(ctx, sofa())
				if !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Cancelled) {
					t.Errorf("error %v, want a cancelled one", err)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("returned after %v, want 5 s", took)
				}
			})
		})
	}
}

// TestABudgetIsSpentInCallsAlone asks where a question has a budget in place of a
// deadline: waiting for quota costs nothing of it.
func TestABudgetIsSpentInCallsAlone(t *testing.T) {
	slow := http.Header{"Retry-After": {"60"}}
	for name, tt := range map[string]struct {
		script []answer
		want   fault.Reason // 0: answered
	}{
		"waiting for quota":        {[]answer{{status: 429, header: slow, body: "{}"}, {status: 429, header: slow, body: "{}"}, {}}, 0},
		"a call that never ends":   {[]answer{{hang: true}}, fault.UpstreamTimeout},
		"a call, then no time":     {[]answer{{status: 429, header: slow, body: "{}"}, {hang: true}}, fault.UpstreamTimeout},
		"failures within the time": {[]answer{{status: 500, body: "{}"}, {}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, one, func(t *testing.T, b *bench) {
				q := sofa()
				q.Budget = 10 * time.Second
				_, err := b.Ask(t.Context(), q)
				if tt.want == 0 {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				checkEnd(t, err, tt.want, "")
			})
		})
	}
}

// answerOne asks a question that is answered.
func answerOne(t *testing.T, b *bench) {
	t.Helper()
	if _, err := b.Ask(t.Context(), sofa()); err != nil {
		t.Fatal(err)
	}
}

// TestColdServer_AnswersAllAfterTheLoad has a server that needs longer for its first answers
// than calls usually may take.
func TestColdServer_AnswersAllAfterTheLoad(t *testing.T) {
	loaded := time.Time{}
	s := &server{answerTo: func(request) answer {
		if loaded.IsZero() {
			loaded = time.Now().Add(100 * time.Second)
		}
		return answer{after: time.Until(loaded)}
	}}
	inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				if got, err := b.Ask(ctx, sofa()); err != nil || got.Trace.Attempts != 1 {
					t.Errorf("%d calls, error %v", got.Trace.Attempts, err)
				}
			})
		}
		all.Wait()
	})
}

// TestFirstAnswer_BoundsTheCallsInFlight has a first call that hangs and a second one that
// is answered: from then on the first has the usual 30 s.
func TestFirstAnswer_BoundsTheCallsInFlight(t *testing.T) {
	for name, tt := range map[string]struct {
		after, want time.Duration
	}{
		"an answer within the usual time": {5 * time.Second, 30 * time.Second},
		"a late one":                      {20 * time.Second, 60 * time.Second},
		"one after the usual time":        {45 * time.Second, 135 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			script := []answer{{hang: true}, {after: tt.after}, {}}
			inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
				start := time.Now()
				var all sync.WaitGroup
				all.Go(func() { answerOne(t, b) })
				time.Sleep(2 * time.Second)
				all.Go(func() { answerOne(t, b) })
				all.Wait()
				if took := time.Since(start); took < tt.want || took > tt.want+time.Second {
					t.Errorf("the hanging call's item took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// TestAttemptTimeout_WinsOverWhatIsLearned has a configured time, while nothing was answered.
func TestAttemptTimeout_WinsOverWhatIsLearned(t *testing.T) {
	inBubble(t, llm.Config{AttemptTimeout: 3 * time.Second}, &server{script: []answer{{hang: true}, {}}}, one, func(t *testing.T, b *bench) {
		start := time.Now()
		answerOne(t, b)
		if took := time.Since(start); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("took %v, want the configured 3 s", took)
		}
	})
}

// TestHundredthAnswer_BoundsTheCallsInFlight has a call that hangs while others show how
// long answers take.
func TestHundredthAnswer_BoundsTheCallsInFlight(t *testing.T) {
	script := append(repeat(answer{after: 10 * time.Millisecond}, 50), answer{hang: true}, answer{after: 10 * time.Millisecond})
	inBubble(t, llm.Config{}, &server{script: script}, one, func(t *testing.T, b *bench) {
		for range 50 {
			answerOne(t, b)
		}
		start := time.Now()
		var hanging sync.WaitGroup
		hanging.Go(func() { answerOne(t, b) })
		time.Sleep(time.Millisecond)
		for range 60 {
			answerOne(t, b)
		}
		hanging.Wait()
		if took := time.Since(start); took < 5*time.Second || took > 9*time.Second {
			t.Errorf("the hanging call's item took %v, want the 5 s that are learned and another call", took)
		}
	})
}

// profiles is a store.
type profiles struct{ sync.Map }

func (p *profiles) Load(key string) []byte {
	data, _ := p.Map.Load(key)
	profile, _ := data.([]byte)
	return profile
}

func (p *profiles) Save(key string, profile []byte) { p.Store(key, profile) }

// TestKnownServer_IsAskedByManyAtOnce has a server that is known from before: the first call
// goes alone only if there is a prompt cache to fill.
func TestKnownServer_IsAskedByManyAtOnce(t *testing.T) {
	for cache, want := range map[string]time.Duration{"none": 500 * time.Millisecond, "key": time.Second} {
		c := llm.Config{Profiles: &profiles{}, Settings: llm.Settings{PromptCache: cache}}
		inBubble(t, c, &server{script: []answer{{}}}, one, answerOne)
		inBubble(t, c, &server{script: []answer{{after: 500 * time.Millisecond}}}, one, func(t *testing.T, b *bench) {
			start := time.Now()
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { answerOne(t, b) })
			}
			all.Wait()
			if took := time.Since(start); took != want {
				t.Errorf("prompt cache %q: took %v, want %v", cache, took, want)
			}
		})
	}
}
