package llm

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// The defaults, if a Config says nothing.
const (
	DefaultMaxAttempts = 4
	DefaultMaxTokens   = 600

	DefaultMaxOutputTokens = 8000
)

// Detail is how closely the model looks at a picture: "auto", "low" or "high".
// More detail costs more tokens.
type Detail string

// The levels.
const (
	DetailAuto Detail = "auto"
	DetailLow  Detail = "low"
	DetailHigh Detail = "high"
)

// Config is how a Client asks. The zero value takes every default but the
// model, which has none.
type Config struct {
	// Model is asked if a question names none.
	Model string
	// AttemptTimeout is the time for one call, from its first byte to the
	// answer's last. 0: as the gate learns it from the answers.
	AttemptTimeout time.Duration
	// MaxAttempts bounds the calls for one item that fail in the same way; twice
	// as many may fail in different ones, or since the model behind a gateway fails, and
	// five times as many on the way to a server that answers others.
	// 0: DefaultMaxAttempts.
	MaxAttempts int
	// MaxTokens is the room for an answer; an answer that was cut off is asked for again
	// with more. 0: DefaultMaxTokens.
	MaxTokens int
	// MaxOutputTokens is the most room that an answer may get, for models that reason
	// before they answer. 0: DefaultMaxOutputTokens.
	MaxOutputTokens int
	// Temperature is from 0, the steadiest, to 2.
	Temperature float64
	// Detail is for pictures. Empty: DetailAuto.
	Detail Detail
	// Hedge sends a call that straggles a second time, if the gate has a lease
	// to spare.
	Hedge bool
	// Settings hold for every server; Groups adds to them by the name of the quota group.
	Settings Settings
	Groups   map[string]Settings
	// Profiles stores what was learned of servers. Nil: it is forgotten at the end.
	Profiles Profiles
	// Spans records traces. Nil: there are none.
	Spans Spans
	// Transport carries the calls. Nil: one of the client's own, for up to 4,096
	// calls at once, which uses the environment's proxy.
	Transport http.RoundTripper
}

// withDefaults returns c with every default filled in, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if c.Model == "" {
		return c, fmt.Errorf("no model is configured: name one, such as gpt-6-luna")
	}
	c.MaxAttempts = cmp.Or(c.MaxAttempts, DefaultMaxAttempts)
	c.MaxOutputTokens = cmp.Or(c.MaxOutputTokens, DefaultMaxOutputTokens)
	c.MaxTokens = min(cmp.Or(c.MaxTokens, DefaultMaxTokens), c.MaxOutputTokens)
	c.Detail = cmp.Or(c.Detail, DetailAuto)
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.AttemptTimeout < 0:
		return fmt.Errorf("the time for one attempt is %v: give a positive one", c.AttemptTimeout)
	case c.MaxAttempts < 0:
		return fmt.Errorf("the number of attempts is %d: give a positive one", c.MaxAttempts)
	case c.MaxTokens < 0:
		return fmt.Errorf("the room for an answer is %d tokens: give a positive number", c.MaxTokens)
	case c.MaxOutputTokens < 0:
		return fmt.Errorf("the most room for an answer is %d tokens: give a positive number", c.MaxOutputTokens)
	case !(c.Temperature >= 0 && c.Temperature <= 2):
		return fmt.Errorf("the temperature is %v: give one from 0 to 2", c.Temperature)
	}
	switch c.Detail {
	case DetailAuto, DetailLow, DetailHigh:
		return nil
	}
	return fmt.Errorf("the detail level is %q: give auto, low or high", c.Detail)
}
