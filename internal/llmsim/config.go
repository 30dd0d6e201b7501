package llmsim

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Config says what the simulated server is like. The zero value answers every
// call at once, for any key, without limits. Times in it count from New.
type Config struct {
	Seed   uint64   // decides latencies and random faults
	Models []string // the names served; another one is answered 404. Empty: any
	// ModelList replaces the answer to GET models, as JSON. "none": there is no such endpoint.
	ModelList string  `yaml:"model_list"`
	Latency   Latency // how long an answer takes, without the wait for a slot
	// Slots is how many calls are worked on at once; the others wait in order of
	// arrival. 0: any number.
	Slots  int
	Quota  Quota            // what each key that is in no group may use
	Groups map[string]Quota // quotas shared by the keys that name them
	// Keys are the keys known; others are answered 401. Empty: any key and none
	// are served, each with a Quota of its own.
	Keys []Key
	// Behaviours are ways of real servers, by their names in the table of this
	// package. Rules come before those of the ones named here.
	Behaviours []string
	Rules      Behaviour
	// Schema is the JSON schema that the model knows from the instructions. It keeps to
	// it whatever a request asks for. Empty: it only knows what is asked for.
	Schema  string
	Faults  Faults
	Outages []Outage // are planned; SetOutage makes others
}

// Latency is a lognormal distribution. Its mean is Median x exp(Sigma²/2). With
// Sigma 0 every call takes Median.
type Latency struct {
	Median time.Duration
	Sigma  float64
	Cap    time.Duration // the longest latency; 0: none
}

// DefaultLatency is a plausible small model: median 200 ms, sigma 0.5, so a mean
// of 227 ms.
func DefaultLatency() Latency {
	return Latency{Median: 200 * time.Millisecond, Sigma: 0.5}
}

// Faults are behaviours that calls have by chance: the parts of the calls, from 0 to 1, by the
// behaviours' names. Their sum is at most 1.
type Faults map[string]float64

// UnmarshalYAML refuses what is not a behaviour before it reads the values, which need not be numbers then.
func (f *Faults) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i < len(node.Content); i += 2 { // names and values in turn
		if name := node.Content[i].Value; name != "<<" {
			if _, err := named("faults", name); err != nil {
				return err
			}
		}
	}
	return node.Decode((*map[string]float64)(f))
}

// Quota is what a key or a group of keys may use. Each limit may be left out.
type Quota struct {
	Requests  Limit
	Tokens    Limit // of question and answer
	Hidden    Limit // a further one on requests, which no header shows
	NoHeaders bool  `yaml:"no_headers"` // leaves out all x-ratelimit headers
	// RetryAfter is how a 429 says when to try again: in whole "seconds", rounded up,
	// in "ms", in "both", which is also the meaning of "", or in "none" of these.
	RetryAfter string        `yaml:"retry_after"`
	Changes    []QuotaChange // replace limits at given times
}

// QuotaChange replaces the limits that it names. A bucket keeps its level, a
// window starts full, and an Amount of 0 lifts a limit.
type QuotaChange struct {
	At                       time.Duration
	Requests, Tokens, Hidden *Limit
}

// Limit is a token bucket, or a fixed window. With Amount 0 there is none.
type Limit struct {
	Amount int64         // is granted every Per
	Per    time.Duration // 0: 1 minute
	// Burst is how much a full bucket holds. 0: Amount. The provider's limit
	// header shows it, because remaining and reset refer to it.
	Burst int64
	// Window grants Amount again every Per, counted from New, instead of little by
	// little.
	Window bool
}

// ReadConfig reads YAML over base: what the file does not name stays as it is
// there. Unknown names are errors. New checks the values.
func ReadConfig(r io.Reader, base Config) (Config, error) {
	decoder := yaml.NewDecoder(r)
	decoder.KnownFields(true)
	if err := decoder.Decode(&base); err != nil && !errors.Is(err, io.EOF) {
		line := strings.Join(strings.Fields(err.Error()), " ") // yaml's texts have several
		return Config{}, fault.New(fault.InvalidRequest, "the configuration cannot be read: %s", line)
	}
	return base, nil
}

func (c Config) check() error {
	l := c.Latency
	_, schemaErr := newTemplate(gjson.Parse(c.Schema), false)
	err := cmp.Or(
		invalid(c.Slots < 0, "slots", "%d is negative: use 0 for any number", c.Slots),
		invalid(l.Median < 0 || l.Cap < 0, "latency", "median %v or cap %v is negative", l.Median, l.Cap),
		// Not by its opposite: NaN must fail too.
		invalid(!(l.Sigma >= 0 && l.Sigma <= 5), "latency.sigma", "%v is outside 0 to 5", l.Sigma),
		invalid(c.Schema != "" && schemaErr != nil, "schema", "it is no JSON schema of a flat object"),
		c.Quota.check("quota"),
	)
	for name, q := range c.Groups {
		err = cmp.Or(err, q.check("groups."+name))
	}
	for i, o := range c.Outages {
		field := fmt.Sprintf("outages[%d]", i)
		err = cmp.Or(err, o.check(field), invalid(o.For == 0, field+".for", "is missing: say how long it lasts, such as 10s"))
	}
	return err
}

func (q Quota) check(field string) error {
	err := cmp.Or(
		oneOf(field+".retry_after", q.RetryAfter, "", "both", "seconds", "ms", "none"),
		q.Requests.check(field+".requests"), q.Tokens.check(field+".tokens"), q.Hidden.check(field+".hidden"),
	)
	for i, c := range q.Changes {
		err = cmp.Or(err, invalid(c.At < 0 || i > 0 && c.At < q.Changes[i-1].At,
			field+".changes", "%v is out of order: sort the changes by their times", c.At))
		for _, l := range []*Limit{c.Requests, c.Tokens, c.Hidden} {
			if l != nil {
				err = cmp.Or(err, l.check(field+".changes"))
			}
		}
	}
	return err
}

func (l Limit) check(field string) error {
	n := l.withDefaults()
	return cmp.Or(
		invalid(l.Amount < 0 || l.Per < 0 || l.Burst < 0, field, "amount, per and burst must not be negative"),
		invalid(l.Window && l.Burst > 0, field, "a window has no burst: leave out one of the two"),
		invalid(float64(max(n.Burst, n.Amount))*float64(n.Per) > math.MaxInt64/2,
			field, "amount x per is too large: use a shorter period, such as 1s"),
	)
}

func (l Limit) withDefaults() Limit {
	l.Per = cmp.Or(l.Per, time.Minute)
	l.Burst = cmp.Or(l.Burst, l.Amount)
	return l
}

// rules returns the rules of a configuration, those by chance first.
func (c Config) rules() (all Behaviour, err error) {
	all, err = byChance(c.Faults)
	for _, r := range c.Rules {
		all, err = append(all, r), cmp.Or(err, r.check())
	}
	for _, name := range c.Behaviours {
		b, unknown := named("behaviours", name)
		all, err = append(all, b...), cmp.Or(err, unknown)
	}
	return all, err
}

// invalid is an error about a field if something is wrong with it.
func invalid(wrong bool, field, format string, args ...any) error {
	if !wrong {
		return nil
	}
	return fault.Invalid(field, format, args...)
}

// oneOf is an error about a field whose value is none of those allowed.
func oneOf(field, value string, allowed ...string) error {
	return invalid(!slices.Contains(allowed, value), field, "%q is none of %s", value, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}
