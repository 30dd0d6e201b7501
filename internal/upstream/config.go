package upstream

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
)

// Defaults of a Config.
const (
	DefaultCeiling    = 256
	DefaultQueueBound = 10_000
	DefaultBulkShare  = 0.1
)

// MaxWorkers is the largest pool and the highest ceiling that are accepted, as the contract
// of UpdateSettings has it.
const MaxWorkers = 4096

// Config is what a gate is built from. Zero values stand for the defaults.
type Config struct {
	// Groups are the quota groups, at least one.
	Groups []Group
	// Fixed is a pool of that many calls at once, from the first one on, which
	// nothing grows, cuts or brakes. 0: the pool adapts.
	Fixed int
	// Ceiling bounds the calls in flight on all keys together. 0: DefaultCeiling. A
	// fixed pool is its own ceiling.
	Ceiling int
	// QueueBound is how many attempts of each class may wait before new calls are
	// refused if their caller has its share of the bound waiting.
	QueueBound int
	// BulkShare is the part of the starts that bulk calls get while interactive
	// ones wait too, 0..1. 0: DefaultBulkShare.
	BulkShare float64
	// HedgeShare is the part of the calls that may be sent a second time to
	// overtake a straggler, 0..1. 0: none.
	HedgeShare float64
	// Seed makes the random parts of delays the same in every run, for tests. 0: they
	// differ in each.
	Seed uint64
}

// Group is a set of keys that share one quota, as the keys of one organisation do.
type Group struct {
	// Name is for people. Empty: "group N".
	Name string
	// Keys are the group's, at least one. A key with an empty secret is for
	// servers that ask for none.
	Keys []Key
	// BaseURL is the server's address.
	BaseURL string
	// Models maps the names that callers use to those that the server knows.
	// Names that are not in it are not served. Empty: every name is served, unchanged.
	Models map[string]string
	// RequestsPerMinute and TokensPerMinute are limits to be kept from the start.
	// 0: they are learned from the provider's headers and 429s.
	RequestsPerMinute, TokensPerMinute float64
}

// Key is one API key.
type Key struct {
	Secret Secret
	// Weight is its share relative to the other keys. 0: 1.
	Weight float64
}

// withDefaults returns a copy of c with every zero value filled in.
func (c Config) withDefaults() Config {
	c.Ceiling = orInt(c.Ceiling, DefaultCeiling)
	if c.Fixed > 0 {
		c.Ceiling = c.Fixed
	}
	c.QueueBound = orInt(c.QueueBound, DefaultQueueBound)
	if c.BulkShare == 0 {
		c.BulkShare = DefaultBulkShare
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	return c
}

func orInt(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// validate reports the first value that makes no sense, by its path.
func (c *Config) validate() error {
	switch {
	case len(c.Groups) == 0:
		return fmt.Errorf("upstream: groups: none given, at least one with one key is needed")
	case c.Fixed < 0 || c.Fixed > MaxWorkers:
		return fmt.Errorf("upstream: fixed: %d is not within 0..%d", c.Fixed, MaxWorkers)
	case c.Ceiling < 1 || c.Ceiling > MaxWorkers:
		return fmt.Errorf("upstream: ceiling: %d is not within 1..%d", c.Ceiling, MaxWorkers)
	case c.QueueBound < 1:
		return fmt.Errorf("upstream: queue bound: %d is not positive", c.QueueBound)
	case !within01(c.BulkShare):
		return fmt.Errorf("upstream: bulk share: %g is not within 0..1", c.BulkShare)
	case !within01(c.HedgeShare):
		return fmt.Errorf("upstream: hedge share: %g is not within 0..1", c.HedgeShare)
	}
	for i := range c.Groups {
		if err := c.Groups[i].validate(); err != nil {
			return fmt.Errorf("upstream: groups[%d]: %w", i, err)
		}
	}
	return nil
}

// within01 is written so that NaN is outside.
func within01(x float64) bool { return x >= 0 && x <= 1 }

func (g *Group) validate() error {
	u, err := url.Parse(g.BaseURL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		// The address is left out of the text: it may hold a password.
		return fmt.Errorf("base URL: not an absolute http or https address")
	case len(g.Keys) == 0:
		return fmt.Errorf("keys: none given")
	case !(g.RequestsPerMinute >= 0) || !(g.TokensPerMinute >= 0):
		return fmt.Errorf("limits: %g requests and %g tokens a minute: neither may be negative",
			g.RequestsPerMinute, g.TokensPerMinute)
	}
	for i, k := range g.Keys {
		if !(k.Weight >= 0 && k.Weight <= 1e6) {
			return fmt.Errorf("keys[%d]: weight: %g is not within 0..1e6", i, k.Weight)
		}
	}
	return nil
}

// startLimit returns how many calls a group begins with if the pool adapts: the
// original's min(32, cpu+4), but never so few that a short run is over before
// the pool has grown.
func startLimit() int { return max(20, min(32, runtime.GOMAXPROCS(0)+4)) }
