package upstream

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestParseDelay(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"6m0s":                          6 * time.Minute,
		"120ms":                         120 * time.Millisecond,
		"1s":                            time.Second,
		"1m30.5s":                       90*time.Second + 500*time.Millisecond,
		"0":                             0,
		"12":                            12 * time.Second,
		"0.25":                          250 * time.Millisecond,
		"1777896030":                    30 * time.Second,
		"1777896000250":                 250 * time.Millisecond,
		"1777895000":                    0, // past
		"2026-05-04T12:00:05Z":          5 * time.Second,
		"Mon, 04 May 2026 12:01:00 GMT": time.Minute,
		"99999999":                      time.Hour, // capped
		"400h":                          time.Hour,
		"1.5":                           1500 * time.Millisecond,
		"1777896000500":                 500 * time.Millisecond,
		"1e300":                         time.Hour,
		"+Inf":                          time.Hour,
		"4m59s":                         299 * time.Second,
	} {
		if d, _, ok := parseDelay(s, clock{nil, noon}); !ok || d != want {
			t.Errorf("%q: %v, %v, want %v", s, d, ok, want)
		}
	}
	for _, s := range []string{"", "-1", "-5s", "NaN", "soon", "1e400", "12 s", "--"} {
		if d, _, ok := parseDelay(s, clock{nil, noon}); ok {
			t.Errorf("%q: %v, want it refused", s, d)
		}
	}
}

func TestRetryAfterPrefersMilliseconds(t *testing.T) {
	h := http.Header{"Retry-After": {"1"}, "Retry-After-Ms": {"120"}}
	if d, ok := RetryAfter(h, noon); !ok || d != 120*time.Millisecond {
		t.Errorf("%v, %v", d, ok)
	}
	// A server whose clock is wrong is asked by its own clock.
	h = http.Header{"Date": {"Mon, 04 May 2026 09:00:00 GMT"}, "Retry-After": {"Mon, 04 May 2026 09:00:07 GMT"}}
	if d, ok := RetryAfter(h, noon); !ok || d != 7*time.Second {
		t.Errorf("%v, %v", d, ok)
	}
	h = http.Header{"Retry-After": {" 1 "}, "Retry-After-Ms": {"NaN"}}
	if d, ok := RetryAfter(h, noon); !ok || d != time.Second {
		t.Errorf("with a number that is none: %v, %v", d, ok)
	}
	if _, ok := RetryAfter(nil, noon); ok {
		t.Error("a delay from nowhere")
	}
}

func TestReadQuota(t *testing.T) {
	h := http.Header{}
	h.Set("x-ratelimit-limit-requests", "100, 100;w=60")
	h.Set("x-ratelimit-remaining-requests", "99")
	if _, ok := readQuota(h, requestNames, noon); ok {
		t.Error("taken without a reset")
	}
	h.Set("x-ratelimit-reset-requests", "12ms")
	want := reading{limit: 100, remaining: 99, reset: 12 * time.Millisecond}
	if r, ok := readQuota(h, requestNames, noon); !ok || r != want {
		t.Errorf("%+v, %v", r, ok)
	}
	if _, ok := readQuota(h, tokenNames, noon); ok {
		t.Error("tokens read from requests")
	}
}

func FuzzParseDelay(f *testing.F) {
	for _, s := range []string{"6m0s", "1.5", "1777896000", "Mon, 04 May 2026 12:01:00 GMT", "-1", "-1s", "1e309", "2026-05-04T12:00:05Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, _, ok := parseDelay(s, clock{nil, noon})
		if d < 0 || d > longestDelay || (!ok && d != 0) {
			t.Errorf("%q: %v, %v", s, d, ok)
		}
		if x, ok := number(s); ok && !(x >= 0) {
			t.Errorf("%q: %v", s, x)
		}
	})
}
