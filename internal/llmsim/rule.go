package llmsim

import (
	"bytes"
	"cmp"
	_ "embed" // for the table of behaviours
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"go.yaml.in/yaml/v3"
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
	If      []string
	Text    string // a part of the last user message
	Picture bool   // there are pictures in the last user message
	Key     string // the end of the key that was sent
	NotAt   string `yaml:"not_at"` // a regular expression that the path with the query does not match
	Without string // a header that is not there
	Under   int    // the request leaves the answer less room than so many tokens, or does not say
	Nth     int    // the number of the call, from 1 with New; with Every, the remainder of that number
	Every   int    // with Nth 1, every 3 has the calls 1, 4 and 7
	First   int    // how many calls it applies to, from New
	// Attempts is how many calls with the same last user message it applies to.
	Attempts int
	Until    time.Duration // how long it applies, from the arrival of the first call
	Beyond   int           // the call arrives while so many others are in flight
	// Share is the part of the calls, by chance. Rules with shares divide the calls
	// among themselves.
	Share float64

	// What is answered. In all texts $JSON stands for the sound answer, $TEXT for the
	// same as a JSON string, $BODY for the whole sound body, $QUESTION for the texts of
	// the last user message as a JSON string, $LEFT for the seconds until Until, rounded
	// up, $DATE for that moment as an HTTP date, and $KEY for the end of the key.

	// Load is how long a model takes to load. The first call begins it and all calls
	// wait for it; if all of them leave, it begins again with the next one.
	Load    time.Duration
	Latency time.Duration // replaces that of the server
	Alone   bool          // the server works on nothing else meanwhile
	// Status is the answer's. 0: 200. An error is answered at once and costs no quota,
	// unless it is 500, which fails only after the work.
	Status int
	Header map[string]string // without a Body also of an answer that the quota refuses
	Body   string            // replaces the body; an error without one is worded as by OpenAI
	// Break ends the connection: "reset" cuts it after the work, "half" after half of
	// the body, and "hang" gives no answer until the client leaves.
	Break string

	Replace replacement // changes the sound answer
	Content string      // replaces the message's content
	Message string      // replaces the whole message, as JSON
	Choice  string      // further members of the choice, as JSON after a comma: `,"error":{}`
	Finish  string      // replaces the finish_reason
	Usage   string      // replaces the usage, as JSON
	Cut     bool        // leaves half of the content, with finish_reason length
	Tokens  replacement // changes the list of log-probabilities
	Gzip    bool        // compresses the body, whatever the client accepts

	fault bool // it is one of those by chance
}

// replacement is a regular expression and what its matches become.
type replacement [2]string

func (p replacement) in(text string) string {
	if p[0] == "" {
		return text
	}
	return regexp.MustCompile(p[0]).ReplaceAllString(text, p[1])
}

// behavioursYAML is the table of behaviours.
//
//go:embed behaviours.yaml
var behavioursYAML []byte

// behaviours are the ways of servers by name.
var behaviours = readBehaviours()

// readBehaviours reads the table. It is part of the program, so that an error in it is one of the program.
func readBehaviours() (table map[string]Behaviour) {
	decoder := yaml.NewDecoder(bytes.NewReader(behavioursYAML))
	decoder.KnownFields(true)
	if err := decoder.Decode(&table); err != nil {
		panic("behaviours.yaml: " + err.Error())
	}
	return table
}

// Behaviours returns the names of all behaviours, sorted.
func Behaviours() []string { return slices.Sorted(maps.Keys(behaviours)) }

// behaviourOf returns a behaviour by its name or by the status of its answers; nil
// if there is none.
func behaviourOf(name string) Behaviour {
	if status, err := strconv.Atoi(name); err == nil && status >= 400 && status <= 599 {
		return Behaviour{{Status: status}}
	}
	return behaviours[name]
}

// named is behaviourOf for a field of the configuration, with an error if there is none.
func named(field, name string) (Behaviour, error) {
	b := behaviourOf(name)
	return b, invalid(b == nil, field, "%q is none of %s", name, strings.Join(Behaviours(), ", "))
}

// free reports whether a call is answered at once, without work and quota.
func (r *Rule) free() bool {
	return r.Status >= http.StatusBadRequest && r.Status != http.StatusInternalServerError
}

// fails reports whether a call gets no answer.
func (r *Rule) fails() bool {
	return r.Break == "hang" || r.Break == "reset" || r.Status >= http.StatusBadRequest
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
	n := int(c.serial)
	switch {
	case r.Nth > 0 && r.Every == 0 && n != r.Nth,
		r.Every > 0 && n%r.Every != r.Nth,
		r.First > 0 && n > r.First,
		r.Attempts > 0 && attempt > r.Attempts,
		r.Until > 0 && c.arrived-c.first >= r.Until,
		r.Under > 0 && c.maxTokens >= r.Under,
		r.Beyond > 0 && c.others < r.Beyond,
		r.Picture && c.pictureTokens == 0,
		!strings.Contains(c.text, r.Text),
		!strings.HasSuffix(c.secret, r.Key),
		r.Without != "" && c.r.Header.Get(r.Without) != "",
		r.NotAt != "" && regexp.MustCompile(r.NotAt).MatchString(c.r.URL.RequestURI()):
		return false
	}
	return len(r.If) == 0 || r.asked(string(c.body))
}

// asked reports whether the conditions on the request's JSON hold.
func (r *Rule) asked(request string) bool {
	request = "[" + request + "]" // the elements of an array can be queried
	return !slices.ContainsFunc(r.If, func(condition string) bool { return !gjson.Get(request, "#("+condition+")").Exists() })
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

// plain is the rule of a call to which none applies.
var plain = new(Rule)

// ruleFor returns the rule that applies to a call, and notes whether it is a fault: one
// by chance or by a mark. The server's rules leave a marked message alone.
func (s *Server) ruleFor(c *call) *Rule {
	attempt, rules := s.ask(c.subject), s.rules
	marked := markOf(c.text, attempt)
	if marked != nil {
		rules = marked
	}
	for i := range rules {
		if rule := &rules[i]; rule.applies(c, attempt) {
			c.faulty = rule.fault || marked != nil
			return rule
		}
	}
	return plain
}

var markPattern = regexp.MustCompile(`sim:([a-z0-9-]+?)(?:x([1-9][0-9]*))?(?:[^a-z0-9-]|$)`)

// markOf returns the behaviour that a text asks for with its first mark, always, such as
// "sim:hang", or on so many attempts: "sim:500x2" has no rules from the third one on. It
// returns nil if there is no mark.
func markOf(text string, attempt int) Behaviour {
	for _, mark := range markPattern.FindAllStringSubmatch(text, -1) {
		b := behaviourOf(mark[1])
		if times, err := strconv.Atoi(mark[2]); err == nil && attempt > times {
			b = b[:0] // not nil if the mark is one
		}
		if b != nil {
			return b
		}
	}
	return nil
}

// byChance returns the behaviours that calls have by chance, with their shares.
func byChance(shares map[string]float64) (all Behaviour, err error) {
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		share := shares[name]
		b, err := named("faults", name)
		if err = cmp.Or(err, invalid(!(share >= 0 && share <= 1), "faults", "%v is no probability: use 0 to 1", share)); err != nil {
			return nil, err
		}
		rule := b[0]
		rule.fault = true
		if rule.Cut { // as with a model that begins to ramble, more room is the cure
			rule.Under = 1024
		}
		if rule.Share = share; share > 0 { // 0 is no condition
			all = append(all, rule)
		}
		sum += share
	}
	return all, invalid(sum > 1+1e-9, "faults", "the probabilities add up to %v: at most 1 is possible", sum)
}
