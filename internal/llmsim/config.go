package llmsim

import (
	"cmp"
	"errors"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Config says what the simulated server is like. The zero value answers every
// call at once, for any key, without limits. Times in it count from New.
type Config struct {
	// Seed decides latencies and random mishaps.
	Seed uint64 `yaml:"seed"`
	// Models are the names served; another one is answered 404. Empty: any.
	Models []string `yaml:"models"`
	// Latency is how long an answer takes, without the wait for a slot.
	Latency Latency `yaml:"latency"`
	// RejectDelay is how long a 4xx or 503 takes. 0: at once.
	RejectDelay time.Duration `yaml:"reject_delay"`
	// Slots is how many calls are worked on at once; the others wait in order of
	// arrival. 0: any number.
	Slots int `yaml:"slots"`
	// Quota is what each key that is in no group may use.
	Quota Quota `yaml:"quota"`
	// Groups are quotas shared by the keys that name them.
	Groups map[string]Quota `yaml:"groups"`
	// Keys are the keys known; others are answered 401. Empty: any key and none
	// are served, each with a Quota of its own.
	Keys []Key `yaml:"keys"`
	// Answer is how the model answers.
	Answer Answer `yaml:"answer"`
	// Faults are mishaps by chance.
	Faults Faults `yaml:"faults"`
	// Outages are planned; SetOutage makes others.
	Outages []Outage `yaml:"outages"`
	// MaxBody is the largest request in bytes; a larger one is answered 413.
	// 0: 64 MiB.
	MaxBody int64 `yaml:"max_body"`
	// MaxMessages bounds the user messages that are remembered, at about 40 bytes
	// each. 0: 1,048,576. Those beyond it are counted in Messages.Forgotten.
	MaxMessages int `yaml:"max_messages"`
}

// Latency is a lognormal distribution. Its mean is Median x exp(Sigma²/2). With
// Sigma 0 every call takes Median.
type Latency struct {
	Median time.Duration `yaml:"median"`
	Sigma  float64       `yaml:"sigma"`
	// Cap is the longest latency. 0: none.
	Cap time.Duration `yaml:"cap"`
}

// Answer is how the model answers.
type Answer struct {
	Mode     AnswerMode `yaml:"mode"`
	Logprobs Logprobs   `yaml:"logprobs"`
	// ImageTokens is charged for a picture at any detail but "low", which costs
	// 85. 0: 765, a square of 1,024 pixels.
	ImageTokens int `yaml:"image_tokens"`
}

// AnswerMode is what the server makes of a JSON schema.
type AnswerMode string

// The modes.
const (
	// AnswerSchema, or empty: answers follow the schema.
	AnswerSchema AnswerMode = "schema"
	// AnswerProse: the schema is accepted and ignored.
	AnswerProse AnswerMode = "prose"
	// AnswerFenced: the instance comes in a Markdown fence with a sentence before it.
	AnswerFenced AnswerMode = "fenced"
	// AnswerReject: a request with a schema is answered 400.
	AnswerReject AnswerMode = "reject"
)

// Logprobs is what the server makes of logprobs: true.
type Logprobs string

// The ways to handle log-probabilities.
const (
	// LogprobsGive, or empty: they are given.
	LogprobsGive Logprobs = "give"
	// LogprobsIgnore: the answer comes without them.
	LogprobsIgnore Logprobs = "ignore"
	// LogprobsReject: the request is answered 400.
	LogprobsReject Logprobs = "reject"
)

// DefaultLatency is a plausible small model: median 200 ms, sigma 0.5, so a mean
// of 227 ms.
func DefaultLatency() Latency {
	return Latency{Median: 200 * time.Millisecond, Sigma: 0.5}
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

const (
	defaultMaxBody     = 64 << 20
	defaultMaxMessages = 1 << 20
	defaultImageTokens = 765
)

// withDefaults returns a checked copy with its zero values filled in.
func (c Config) withDefaults() (Config, error) {
	if err := c.check(); err != nil {
		return Config{}, err
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.MaxMessages == 0 {
		c.MaxMessages = defaultMaxMessages
	}
	if c.Answer.ImageTokens == 0 {
		c.Answer.ImageTokens = defaultImageTokens
	}
	if c.Answer.Mode == "" {
		c.Answer.Mode = AnswerSchema
	}
	if c.Answer.Logprobs == "" {
		c.Answer.Logprobs = LogprobsGive
	}
	return c, nil
}

func (c Config) check() error {
	switch {
	case c.Slots < 0:
		return fault.Invalid("slots", "%d is negative: use 0 for any number", c.Slots)
	case c.MaxBody < 0:
		return fault.Invalid("max_body", "%d is negative: use 0 for 64 MiB", c.MaxBody)
	case c.MaxMessages < 0:
		return fault.Invalid("max_messages", "%d is negative: use 0 for 1,048,576", c.MaxMessages)
	case c.RejectDelay < 0:
		return fault.Invalid("reject_delay", "%v is negative: use 0 for at once", c.RejectDelay)
	}
	return cmp.Or(c.Latency.check(), c.Answer.check(), c.Faults.check())
}

func (l Latency) check() error {
	switch {
	case l.Median < 0 || l.Cap < 0:
		return fault.Invalid("latency", "median %v or cap %v is negative", l.Median, l.Cap)
	case !(l.Sigma >= 0 && l.Sigma <= 5): // not by its opposite: NaN must fail too
		return fault.Invalid("latency.sigma", "%v is outside 0 to 5", l.Sigma)
	}
	return nil
}

func (a Answer) check() error {
	switch a.Mode {
	case "", AnswerSchema, AnswerProse, AnswerFenced, AnswerReject:
	default:
		return fault.Invalid("answer.mode", "%q is none of schema, prose, fenced, reject", a.Mode)
	}
	switch a.Logprobs {
	case "", LogprobsGive, LogprobsIgnore, LogprobsReject:
	default:
		return fault.Invalid("answer.logprobs", "%q is none of give, ignore, reject", a.Logprobs)
	}
	if a.ImageTokens < 0 {
		return fault.Invalid("answer.image_tokens", "%d is negative", a.ImageTokens)
	}
	return nil
}
