package llmsim

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Behaviour is one way in which a server differs from a plain one. Of its rules
// the first one that applies to a call decides what becomes of the call.
type Behaviour []Rule

// Rule changes what becomes of some calls.
type Rule struct {
	// The conditions; those that are set must all hold, and without any the rule
	// applies to every call.

	// If are conditions on the request's JSON, each a query of gjson:
	// `logprobs==true`, `temperature!=1`, `response_format.type=="json_schema"`. A
	// name alone holds if the member is there.
	If []string `yaml:"if"`
	// Text is a part of the last user message.
	Text string `yaml:"text"`
	// Picture: there are pictures in the last user message.
	Picture bool `yaml:"picture"`
	// Key is the end of the key that was sent.
	Key string `yaml:"key"`
	// NotAt is a regular expression that the path with the query does not match, and
	// Without a header that is not there.
	NotAt   string `yaml:"not_at"`
	Without string `yaml:"without"`
	// Under holds for requests that leave the answer less room than so many tokens,
	// or do not say.
	Under int `yaml:"under"`
	// Nth is the number of a call, from 1 with New. With Every it is the remainder of
	// that number: 1 of every 3.
	Nth   int `yaml:"nth"`
	Every int `yaml:"every"`
	// First is how many calls it applies to, from New.
	First int `yaml:"first"`
	// Attempts is how many calls with the same last user message it applies to.
	Attempts int `yaml:"attempts"`
	// Until is how long it applies, from the arrival of the first call.
	Until time.Duration `yaml:"until"`
	// Beyond holds for calls that arrive while as many others are in flight.
	Beyond int `yaml:"beyond"`
	// Share is the part of the calls, by chance. Rules with shares divide the calls
	// among themselves.
	Share float64 `yaml:"share"`

	// What is answered. In all texts $JSON stands for the sound answer, $TEXT for the
	// same as a JSON string, $BODY for the whole sound body, $LEFT for the seconds
	// until Until, rounded up, $DATE for that moment as an HTTP date, and $KEY for
	// the end of the key. In Content and Message, $QUESTION stands for the texts of the
	// last user message as a JSON string.

	// Load is how long a model takes to load. The first call begins it and all calls
	// wait for it; if all of them leave, it begins again with the next one.
	Load time.Duration `yaml:"load"`
	// Latency replaces that of the server.
	Latency time.Duration `yaml:"latency"`
	// Alone is for a server that works on one such call at a time. The others wait.
	Alone bool `yaml:"alone"`
	// Status is the answer's. 0: 200. An error is answered at once and costs no quota,
	// unless it is 500, which fails only after the work.
	Status int               `yaml:"status"`
	Header map[string]string `yaml:"header"`
	// Body replaces the body. An error without one is worded as by OpenAI.
	Body string `yaml:"body"`
	// Break ends the connection: "reset" cuts it after the work, "half" after half of
	// the body, and "hang" gives no answer until the client leaves.
	Break string `yaml:"break"`

	// Replace changes the sound answer: a regular expression and its replacement.
	Replace [2]string `yaml:"replace"`
	// Content replaces the message's content, and Message the whole message, as JSON.
	Content string `yaml:"content"`
	Message string `yaml:"message"`
	// Choice is further members of the choice, as JSON after a comma: `,"error":{}`.
	Choice string `yaml:"choice"`
	// Finish replaces the finish_reason, and Usage the usage, as JSON.
	Finish string `yaml:"finish"`
	Usage  string `yaml:"usage"`
	// Cut leaves half of the content, with finish_reason length.
	Cut bool `yaml:"cut"`
	// Tokens changes the list of log-probabilities: a regular expression and its
	// replacement. NoLogprobs leaves out the whole list.
	Tokens     [2]string `yaml:"tokens"`
	NoLogprobs bool      `yaml:"no_logprobs"`
	// Events answers a request for a stream with one. Without such a rule these requests
	// are refused.
	Events bool `yaml:"events"`
	// Gzip compresses the body, whatever the client accepts.
	Gzip bool `yaml:"gzip"`
}

// free reports whether a call is answered at once, without work and quota.
func (r *Rule) free() bool {
	return r.Status >= http.StatusBadRequest && r.Status != http.StatusInternalServerError
}

// check is an error about a rule that cannot be followed.
func (r *Rule) check() error {
	for field, pattern := range map[string]string{"rules.replace": r.Replace[0], "rules.tokens": r.Tokens[0], "rules.not_at": r.NotAt} {
		if _, err := regexp.Compile(pattern); err != nil {
			return invalid(true, field, "%v", err)
		}
	}
	return cmp.Or(
		invalid(r.Status != 0 && (r.Status < 200 || r.Status > 599), "rules.status", "%d is outside 200 to 599", r.Status),
		oneOf("rules.break", r.Break, "", "reset", "hang", "half"),
	)
}

// applies reports whether all conditions hold.
func (r *Rule) applies(c *call, attempt int) bool {
	if r.Share > 0 && !c.drawn(r.Share) {
		return false
	}
	q, n := &c.question, int(c.serial)
	switch {
	case r.Nth > 0 && r.Every == 0 && n != r.Nth,
		r.Every > 0 && n%r.Every != r.Nth,
		r.First > 0 && n > r.First,
		r.Attempts > 0 && attempt > r.Attempts,
		r.Until > 0 && c.arrived-c.first >= r.Until,
		r.Under > 0 && q.maxTokens >= r.Under,
		r.Beyond > 0 && c.others < r.Beyond,
		r.Picture && q.pictures == 0,
		!strings.Contains(q.text, r.Text),
		!strings.HasSuffix(c.secret, r.Key),
		r.Without != "" && c.header.Get(r.Without) != "",
		r.NotAt != "" && regexp.MustCompile(r.NotAt).MatchString(c.address):
		return false
	}
	if len(r.If) == 0 {
		return true
	}
	request := "[" + string(c.body) + "]" // the elements of an array can be queried
	for _, condition := range r.If {
		if !gjson.Get(request, "#("+condition+")").Exists() {
			return false
		}
	}
	return true
}

// drawn reports whether a call's luck falls into a share. Shares that are looked
// at one after the other share out the calls; once one has drawn a call, no other does.
func (c *call) drawn(share float64) bool {
	hit := c.luck < share
	if c.luck -= share; hit {
		c.luck = 1 << 20
	}
	return hit
}

// ruleFor returns the rule that applies to a call, nil if none does, and whether
// it is a fault: one by chance or by a mark.
func (s *Server) ruleFor(c *call) (rule *Rule, faulty bool) {
	attempt := s.ask(c.question.subject)
	if b, times := markOf(c.question.text); b != nil {
		if times > 0 && attempt > times {
			return nil, false
		}
		rule = b.find(c, attempt)
		return rule, rule != nil
	}
	if rule = s.faults.find(c, attempt); rule != nil {
		return rule, true
	}
	return s.behaviour.find(c, attempt), false
}

func (b Behaviour) find(c *call, attempt int) *Rule {
	for i := range b {
		if b[i].applies(c, attempt) {
			return &b[i]
		}
	}
	return nil
}

// streams reports whether any rule answers with a stream.
func (b Behaviour) streams() bool {
	return slices.ContainsFunc(b, func(r Rule) bool { return r.Events })
}

var markPattern = regexp.MustCompile(`sim:([a-z0-9-]+)`)

// markOf returns the behaviour that a text asks for with its first mark, such as
// "sim:hang", and on how many attempts: "sim:500x2". 0: on all.
func markOf(text string) (b Behaviour, times int) {
	if !strings.Contains(text, "sim:") {
		return nil, 0
	}
	for _, mark := range markPattern.FindAllStringSubmatch(text, -1) {
		if b := behaviourOf(mark[1]); b != nil {
			return b, 0
		}
		x := strings.LastIndexByte(mark[1], 'x')
		if x < 0 {
			continue
		}
		times, err := strconv.Atoi(mark[1][x+1:])
		if b := behaviourOf(mark[1][:x]); b != nil && err == nil && times > 0 {
			return b, times
		}
	}
	return nil, 0
}

// Faults are the behaviours that calls have by chance.
type Faults struct {
	// Shares are the parts of the calls, from 0 to 1, by the names of behaviours. Their
	// sum is at most 1.
	Shares map[string]float64 `yaml:",inline"`
	// HangLimit is when a hanging call's connection is cut. 0: never. It holds for
	// marks and outages too.
	HangLimit time.Duration `yaml:"hang_limit"`
	// RetryAfter goes with a 429 or 503 of Faults and marks. 0: they say nothing.
	RetryAfter time.Duration `yaml:"retry_after"`
}

// roomy is the room, in tokens, in which no answer is cut off by chance: as with a
// model that begins to ramble, more room is the cure.
const roomy = 1024

// rules returns the faults as rules with shares.
func (f Faults) rules() (all Behaviour, err error) {
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(f.Shares)) {
		share, b := f.Shares[name], behaviourOf(name)
		if err := cmp.Or(
			invalid(b == nil, "faults", "%q is no behaviour: use one of %s", name, strings.Join(Behaviours(), ", ")),
			invalid(!(share >= 0 && share <= 1), "faults", "%v is no probability: use 0 to 1", share),
		); err != nil {
			return nil, err
		}
		sum += share
		rule := b[0]
		if rule.Share = share; rule.Cut {
			rule.Under = roomy
		}
		if share > 0 { // 0 is no condition
			all = append(all, rule)
		}
	}
	return all, invalid(sum > 1+1e-9, "faults", "the probabilities add up to %v: at most 1 is possible", sum)
}
