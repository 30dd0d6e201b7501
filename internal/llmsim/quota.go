package llmsim

import (
	"math"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Quota is what a key or a group of keys may use. Each limit may be left out.
type Quota struct {
	Requests Limit `yaml:"requests"`
	// Tokens counts question and answer.
	Tokens Limit `yaml:"tokens"`
	// Hidden is a further limit on requests that no header shows.
	Hidden Limit `yaml:"hidden"`
	// NoHeaders leaves out all x-ratelimit headers.
	NoHeaders bool `yaml:"no_headers"`
	// MinuteLimit has the limit headers show a minute's worth, whatever the period
	// that is kept and that remaining and reset tell of: headers that contradict
	// themselves, as some gateways send.
	MinuteLimit bool `yaml:"minute_limit"`
	// RetryAfter is how a 429 says when to come again.
	RetryAfter RetryAfter `yaml:"retry_after"`
	// Changes replace limits at given times.
	Changes []QuotaChange `yaml:"changes"`
}

// QuotaChange replaces the limits that it names. A bucket keeps its level, a
// window starts full, and an Amount of 0 lifts a limit.
type QuotaChange struct {
	At       time.Duration `yaml:"at"`
	Requests *Limit        `yaml:"requests"`
	Tokens   *Limit        `yaml:"tokens"`
	Hidden   *Limit        `yaml:"hidden"`
}

// Limit is a token bucket, or a fixed window. With Amount 0 there is none.
type Limit struct {
	// Amount is granted every Per.
	Amount int64 `yaml:"amount"`
	// Per is 1 minute where it is 0.
	Per time.Duration `yaml:"per"`
	// Burst is how much a full bucket holds. 0: Amount. The provider's limit
	// header shows it, because remaining and reset refer to it.
	Burst int64 `yaml:"burst"`
	// Window grants Amount anew every Per, counted from New, instead of little by
	// little.
	Window bool `yaml:"window"`
}

// RetryAfter is how a 429 says when to come again.
type RetryAfter string

// The ways to say when to come again.
const (
	// RetryAfterBoth, or empty: whole seconds, rounded up, and milliseconds.
	RetryAfterBoth RetryAfter = "both"
	// RetryAfterSeconds: retry-after alone.
	RetryAfterSeconds RetryAfter = "seconds"
	// RetryAfterMillis: retry-after-ms alone.
	RetryAfterMillis RetryAfter = "ms"
	// RetryAfterDate: retry-after as an HTTP date.
	RetryAfterDate RetryAfter = "date"
	// RetryAfterNone: nothing.
	RetryAfterNone RetryAfter = "none"
)

func (q Quota) check(field string) error {
	switch q.RetryAfter {
	case "", RetryAfterBoth, RetryAfterSeconds, RetryAfterMillis, RetryAfterDate, RetryAfterNone:
	default:
		return fault.Invalid(field+".retry_after", "%q is none of both, seconds, ms, date, none", q.RetryAfter)
	}
	for _, l := range []struct {
		name  string
		limit *Limit
	}{{".requests", &q.Requests}, {".tokens", &q.Tokens}, {".hidden", &q.Hidden}} {
		if err := l.limit.check(field + l.name); err != nil {
			return err
		}
	}
	for i, c := range q.Changes {
		if c.At < 0 || i > 0 && c.At < q.Changes[i-1].At {
			return fault.Invalid(field+".changes", "%v is out of order: sort the changes by their times", c.At)
		}
		for _, l := range []*Limit{c.Requests, c.Tokens, c.Hidden} {
			if err := l.check(field + ".changes"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Limit) check(field string) error {
	if l == nil {
		return nil
	}
	if l.Amount < 0 || l.Per < 0 || l.Burst < 0 {
		return fault.Invalid(field, "amount, per and burst must not be negative")
	}
	if l.Window && l.Burst > 0 {
		return fault.Invalid(field, "a window has no burst: leave out one of the two")
	}
	n := l.withDefaults()
	if float64(max(n.Burst, n.Amount))*float64(n.Per) > math.MaxInt64/2 {
		return fault.Invalid(field, "amount x per is too large: use a shorter period, such as 1s")
	}
	return nil
}

func (l Limit) withDefaults() Limit {
	if l.Per == 0 {
		l.Per = time.Minute
	}
	if l.Burst == 0 {
		l.Burst = l.Amount
	}
	return l
}
