package llm

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait bounds what a header can make us wait: an item's deadline comes long
// before, and a mistaken header must not silence a key for days.
const maxWait = 5 * time.Minute

// retryAfter returns how long an answer asks to wait, 0 where it does not say:
// retry-after-ms first, as it is the finer one, then Retry-After in seconds or as
// a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if d, ok := numberOf(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d
	}
	return parseWait(h.Get("Retry-After"), stamped(h, now))
}

// resetAfter returns when a budget that an answer shows as used up is whole
// again, 0 where none is.
func resetAfter(h http.Header, now time.Time) time.Duration {
	var wait time.Duration
	for _, what := range []string{"Requests", "Tokens"} {
		if strings.TrimSpace(h.Get("X-Ratelimit-Remaining-"+what)) == "0" {
			wait = max(wait, parseWait(h.Get("X-Ratelimit-Reset-"+what), stamped(h, now)))
		}
	}
	return wait
}

// stamped is the moment that dates in h count from: the server's own clock where
// it shows it.
func stamped(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// Epochs are told from spans by their size: a number of seconds as large as the
// date of 2001 is a date.
const (
	epochSeconds = 1e9
	epochMillis  = 1e12
)

// parseWait reads "1.5", "120ms", "6m0s", an epoch in seconds or milliseconds,
// an HTTP date or RFC 3339. What is negative, past or no number is 0, and what is
// too long is cut to maxWait.
func parseWait(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	if v, err := strconv.ParseFloat(s, 64); err == nil && v >= epochSeconds && !math.IsInf(v, 0) {
		if v >= epochMillis {
			v /= 1000
		}
		if v >= epochMillis {
			return maxWait
		}
		return bound(time.UnixMilli(int64(v * 1000)).Sub(now))
	}
	if d, ok := numberOf(s, time.Second); ok {
		return d
	}
	if d, err := time.ParseDuration(s); err == nil {
		return bound(d)
	}
	if t, err := http.ParseTime(s); err == nil {
		return bound(t.Sub(now))
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return bound(t.Sub(now))
	}
	return 0
}

// numberOf reads a bare number of units. False: it is none, or not a sensible one.
func numberOf(s string, unit time.Duration) (time.Duration, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if math.IsInf(v, 1) {
		return maxWait, true
	}
	if err != nil || math.IsNaN(v) || v < 0 {
		return 0, false
	}
	if v >= float64(maxWait/unit) {
		return maxWait, true
	}
	return time.Duration(v * float64(unit)), true
}

func bound(d time.Duration) time.Duration { return max(0, min(d, maxWait)) }
