package upstream

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestDelay caps what a header may ask for: a day's quota is asked for again
// each hour, in case the header was wrong.
const longestDelay = time.Hour

// quotaNames are the spellings of one quota's headers, in canonical form.
type quotaNames struct{ limit, remaining, reset string }

var requestNames = []quotaNames{
	{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"},
	{"Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"},
}

var tokenNames = []quotaNames{
	{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
}

// readQuota returns the first of the spellings that is there whole. Without all
// three a quota cannot be followed, and counts as not told.
func readQuota(h http.Header, names []quotaNames, now time.Time) (r reading, ok bool) {
	for _, n := range names {
		limit, ok1 := number(first(h, n.limit))
		remaining, ok2 := number(first(h, n.remaining))
		reset, coarse, ok3 := parseDelay(first(h, n.reset), clock{h, now})
		if ok1 && ok2 && ok3 && limit > 0 {
			return reading{limit: limit, remaining: remaining, reset: reset, coarse: coarse}, true
		}
	}
	return reading{}, false
}

// number reads the leading number, as in "100, 100;w=60".
func number(s string) (float64, bool) {
	if i := strings.IndexAny(s, ",; "); i >= 0 {
		s = s[:i]
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil && x >= 0 && !math.IsInf(x, 0)
}

// RetryAfter returns how long an answer's headers ask to wait: Retry-After-Ms
// before Retry-After, which may be seconds, a duration such as "120ms", or a
// date. A date is relative to now, or to the answer's own Date header if the
// two clocks differ. It is false if there is none, or
// none that makes sense; it is at most an hour.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	d, _, ok := retryAfter(h, now)
	return d, ok
}

// retryAfter also says whether the answer is coarse: rounded to whole seconds.
func retryAfter(h http.Header, now time.Time) (d time.Duration, coarse, ok bool) {
	if ms, err := strconv.ParseFloat(first(h, "Retry-After-Ms"), 64); err == nil && ms >= 0 {
		return toDelay(ms / 1000), false, true
	}
	return parseDelay(first(h, "Retry-After"), clock{h, now})
}

// clock is the server's, for dates: the answer's Date if it is far from our
// own time, which is more precise if both clocks are right.
type clock struct {
	header http.Header
	local  time.Time
}

func (c clock) now() time.Time {
	t, err := http.ParseTime(first(c.header, "Date"))
	if err == nil && t.Sub(c.local).Abs() > 2*time.Second {
		return t
	}
	return c.local
}

// parseDelay reads the forms that resets and delays come in: "6m0s", "120ms",
// bare seconds, Unix epochs in seconds or milliseconds, RFC 3339, HTTP dates.
// What is past is no delay. Negative numbers and NaN are refused.
func parseDelay(s string, c clock) (d time.Duration, coarse, ok bool) {
	if s == "" {
		return 0, false, false
	}
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		return fromNumber(x, c)
	}
	if d, err := time.ParseDuration(s); err == nil {
		return min(max(d, 0), longestDelay), false, d >= 0
	}
	t, err := http.ParseTime(s)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return 0, false, false
	}
	return min(max(t.Sub(c.now()), 0), longestDelay), t.Nanosecond() == 0, true
}

// Numbers above these are moments, not delays.
const (
	epochSeconds = 1e9
	epochMillis  = 1e12
)

func fromNumber(x float64, c clock) (d time.Duration, coarse, ok bool) {
	switch {
	case !(x >= 0): // NaN too
		return 0, false, false
	case x >= epochMillis:
		return toDelay(x/1000 - unixSeconds(c.now())), false, true
	case x >= epochSeconds:
		return toDelay(x - unixSeconds(c.now())), true, true
	}
	return toDelay(x), x == math.Trunc(x), true
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// toDelay caps before converting: a float beyond the range of a Duration would wrap.
func toDelay(seconds float64) time.Duration {
	seconds = min(max(seconds, 0), longestDelay.Seconds())
	return time.Duration(seconds * float64(time.Second))
}

// first looks a canonical name up without making it canonical again.
func first(h http.Header, canonical string) string {
	if v := h[canonical]; len(v) > 0 {
		return strings.TrimSpace(v[0])
	}
	return ""
}
