package llmsim

import (
	"bytes"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// mishap is what goes wrong with a call: a status from 400 to 599, or one of
// these.
type mishap int

const (
	fine        mishap = iota
	reset              // the connection is cut with the work half done
	hang               // no answer, ever
	garbage            // the whole body is noise instead of JSON
	babble             // the content is no JSON
	mismatch           // the content is JSON that does not follow the schema
	page               // the whole body is a proxy's HTML page
	cut                // half an answer, with finish_reason length
	refuse             // message.refusal instead of content
	filter             // finish_reason content_filter, without content
	firstStatus mishap = 400
	lastStatus  mishap = 599
)

var mishapNames = map[string]mishap{
	"reset": reset, "hang": hang, "garbage": garbage, "babble": babble, "mismatch": mismatch,
	"html": page, "cut": cut, "refuse": refuse, "filter": filter,
}

// costly reports whether the server has worked when the mishap comes: quota and
// time are used. Other mishaps come at once and cost nothing.
func (m mishap) costly() bool { return m < firstStatus || m == 500 }

// Faults are mishaps by chance: the probability of each, from 0 to 1. Their sum
// is at most 1.
type Faults struct {
	// Throttle is 429 with the quota's headers still showing room.
	Throttle float64 `yaml:"throttle"`
	// Error is 500, after the latency.
	Error float64 `yaml:"error"`
	// Unavailable is 503, at once.
	Unavailable float64 `yaml:"unavailable"`
	// Reset cuts the connection after the latency.
	Reset float64 `yaml:"reset"`
	// Hang gives no answer until the client leaves, or until HangLimit.
	Hang float64 `yaml:"hang"`
	// Garbage is a body of noise with status 200.
	Garbage float64 `yaml:"garbage"`
	// Babble is content that is no JSON.
	Babble float64 `yaml:"babble"`
	// Mismatch is content that is JSON and does not follow the schema.
	Mismatch float64 `yaml:"mismatch"`
	// HTML is a proxy's page with status 200.
	HTML float64 `yaml:"html"`
	// Cut is half an answer, with finish_reason length. It befalls requests that
	// leave the answer less room than 1,024 tokens, or do not say: as with a model
	// that begins to ramble, more room is the cure.
	Cut float64 `yaml:"cut"`
	// Refuse is a refusal instead of content.
	Refuse float64 `yaml:"refuse"`
	// Filter is finish_reason content_filter, without content.
	Filter float64 `yaml:"filter"`

	// HangLimit is when a hanging call's connection is cut. 0: never. It holds for
	// marks and outages too.
	HangLimit time.Duration `yaml:"hang_limit"`
	// RetryAfter goes with a 429 or 503 of Faults and marks. 0: they say nothing.
	RetryAfter time.Duration `yaml:"retry_after"`
}

type chance struct {
	probability float64
	mishap      mishap
}

func (f Faults) chances() []chance {
	return []chance{
		{f.Throttle, 429},
		{f.Error, 500},
		{f.Unavailable, 503},
		{f.Reset, reset},
		{f.Hang, hang},
		{f.Garbage, garbage},
		{f.Babble, babble},
		{f.Mismatch, mismatch},
		{f.HTML, page},
		{f.Cut, cut},
		{f.Refuse, refuse},
		{f.Filter, filter},
	}
}

func (f Faults) check() error {
	sum := 0.0
	for _, c := range f.chances() {
		if !(c.probability >= 0 && c.probability <= 1) {
			return fault.Invalid("faults", "%v is no probability: use 0 to 1", c.probability)
		}
		sum += c.probability
	}
	if sum > 1+1e-9 {
		return fault.Invalid("faults", "the probabilities add up to %v: at most 1 is possible", sum)
	}
	if f.HangLimit < 0 || f.RetryAfter < 0 {
		return fault.Invalid("faults", "hang_limit and retry_after must not be negative")
	}
	return nil
}

// roomy is the room, in tokens, in which no answer is cut off by chance.
const roomy = 1024

// pick returns the mishap at a place in [0, 1).
func pick(chances []chance, place float64) mishap {
	for _, c := range chances {
		if place < c.probability {
			return c.mishap
		}
		place -= c.probability
	}
	return fine
}

// mark is a mishap that a user message asks for.
type mark struct {
	mishap mishap
	// attempts is how many of the message's first attempts it befalls. 0: all.
	attempts int
}

var markPrefix = []byte("sim:")

// findMark returns the first mark in a text, such as "sim:hang" or "sim:500x2".
func findMark(text []byte) mark {
	for {
		_, after, found := bytes.Cut(text, markPrefix)
		if !found {
			return mark{}
		}
		if m, ok := parseMark(after); ok {
			return m
		}
		text = after
	}
}

func parseMark(text []byte) (mark, bool) {
	end := 0
	for end < len(text) && ('a' <= text[end] && text[end] <= 'z' || '0' <= text[end] && text[end] <= '9') {
		end++
	}
	name, attempts := string(text[:end]), 0
	if m, ok := parseMishap(name); ok {
		return mark{mishap: m}, true
	}
	x := bytes.LastIndexByte(text[:end], 'x')
	if x < 0 {
		return mark{}, false
	}
	attempts, err := strconv.Atoi(name[x+1:])
	m, ok := parseMishap(name[:x])
	return mark{m, attempts}, ok && err == nil && attempts > 0
}

func parseMishap(name string) (mishap, bool) {
	if m, ok := mishapNames[name]; ok {
		return m, true
	}
	n, err := strconv.Atoi(name)
	m := mishap(n)
	return m, err == nil && m >= firstStatus && m <= lastStatus
}

// befalls reports whether the mark holds for a message's nth attempt.
func (m mark) befalls(attempt int) bool {
	return m.mishap != fine && (m.attempts == 0 || attempt <= m.attempts)
}
