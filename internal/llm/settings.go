package llm

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Auth is how a request carries its key.
type Auth string

// The ways.
const (
	AuthBearer Auth = "bearer"  // Authorization: Bearer KEY
	AuthAPIKey Auth = "api-key" // api-key: KEY, as Azure has it
	AuthNone   Auth = "none"
)

// Settings are what a configuration says of how a server is asked. The zero value leaves
// everything to the preset of the server's host, and to negotiation.
type Settings struct {
	// Provider names a preset. Empty: found from the base URL.
	Provider string `yaml:"provider"`
	// Auth is how the key is sent. Empty: as the preset has it, else AuthBearer.
	Auth Auth `yaml:"auth"`
	// Query is added to the address, Headers to each request.
	Query   map[string]string `yaml:"query"`
	Headers map[string]string `yaml:"headers"`
	// Body are further members of each request.
	Body map[string]any `yaml:"body"`
	// Format is the most that is asked for: strict_schema, plain_schema, json_object or text.
	Format string `yaml:"format"`
	// OutputLimit is max_completion_tokens, max_tokens or none.
	OutputLimit string `yaml:"output_limit"`
	// Logprobs is top, plain or none.
	Logprobs string `yaml:"logprobs"`
	// Temperature is whether one is sent. Nil: yes.
	Temperature *bool `yaml:"temperature"`
	// ReasoningEffort is the value that is sent. Empty: as the model's name suggests.
	ReasoningEffort string `yaml:"reasoning_effort"`
	// Pictures is whether the model takes any. Nil: yes, until it refuses one.
	Pictures *bool `yaml:"pictures"`
	// PromptCache is how the provider's cache is told about the fixed part of a question:
	// explicit, key or none.
	PromptCache string `yaml:"prompt_cache"`
	// Stream asks for answers as event streams, for servers that give no others.
	Stream bool `yaml:"stream"`
}

// SettingNames returns the names of the settings in YAML.
func SettingNames() []string {
	t := reflect.TypeFor[Settings]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("yaml")
	}
	return names
}

// Check returns an error that names the first setting that is wrong and what is right.
func (s Settings) Check() error {
	if _, err := presetFor(s.Provider, ""); err != nil {
		return err
	}
	_, err := newDialect(s)
	return err
}

// merged returns s if it says something, and else what base says.
func (s Settings) merged(base Settings) Settings {
	mine, theirs := reflect.ValueOf(&s).Elem(), reflect.ValueOf(base)
	for i := range mine.NumField() {
		if f := mine.Field(i); f.IsZero() {
			f.Set(theirs.Field(i))
		}
	}
	s.Query, s.Headers, s.Body = union(s.Query, base.Query), union(s.Headers, base.Headers), union(s.Body, base.Body)
	return s
}

func union[V any](a, b map[string]V) map[string]V {
	if len(b) == 0 {
		return a
	}
	all := maps.Clone(b)
	maps.Copy(all, a)
	return all
}

// choice looks a word up among those of a setting.
func choice[T any](setting, word string, words map[string]T) (T, error) {
	v, ok := words[word]
	if ok {
		return v, nil
	}
	return v, fmt.Errorf("%s is %q: give one of %s", setting, word, strings.TrimPrefix(namesOf(words), ", "))
}

var (
	formatNames   = map[string]level{"": strictSchema, "strict_schema": strictSchema, "plain_schema": plainSchema, "json_object": jsonObject, "text": freeText}
	limitNames    = map[string]level{"": maxCompletionTokens, "max_completion_tokens": maxCompletionTokens, "max_tokens": maxTokens, "none": noLimit}
	logprobsNames = map[string]level{"": topLogprobs, "top": topLogprobs, "plain": plainLogprobs, "none": noLogprobs}
	effortNames   = map[string]level{"": noEffort, "none": effortNone, "minimal": effortMinimal, "low": effortLow}
	cacheNames    = map[string]level{"": noCacheMarks, "none": noCacheMarks, "key": cacheKey, "explicit": cacheExplicit}
	authNames     = map[string]Auth{"": AuthBearer, "bearer": AuthBearer, "api-key": AuthAPIKey, "none": AuthNone}
)

// dialect is Settings made ready for requests. It is immutable.
type dialect struct {
	settings Settings
	// set and preset are where settings come from: the configuration, and what is known beforehand.
	set, preset Settings
	key         string // equal for equal settings
	auth        Auth
	query       url.Values
	headers     http.Header
	body        string // `,"name":value` for each further member
	offer       terms
	secrets     []string // values that are not to be shown
}

// newDialect checks settings and returns what follows from them for a server.
func newDialect(s Settings) (*dialect, error) {
	d := &dialect{settings: s, query: url.Values{}, headers: http.Header{}}
	var err error
	if d.auth, err = choice("auth", string(s.Auth), authNames); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		to            *level
		setting, word string
		words         map[string]level
	}{
		{&d.offer.Format, "format", s.Format, formatNames},
		{&d.offer.Limit, "output_limit", s.OutputLimit, limitNames},
		{&d.offer.Logprobs, "logprobs", s.Logprobs, logprobsNames},
		{&d.offer.Effort, "reasoning_effort", s.ReasoningEffort, effortNames},
		{&d.offer.Cache, "prompt_cache", s.PromptCache, cacheNames},
	} {
		if *c.to, err = choice(c.setting, c.word, c.words); err != nil {
			return nil, err
		}
	}
	if err := d.encodeBody(); err != nil {
		return nil, err
	}
	if s.Temperature != nil && !*s.Temperature {
		d.offer.Temperature = noTemperature
	}
	if s.Pictures != nil && !*s.Pictures {
		d.offer.Pictures = noPictures
	}
	key, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("body: it cannot be written as JSON: %w", err)
	}
	d.key = string(key)
	for name, value := range s.Query {
		d.query.Set(name, value)
	}
	for name, value := range s.Headers {
		d.headers.Set(name, value)
	}
	return d, nil
}

// ownMembers are what requests have of themselves.
var ownMembers = []string{"model", "messages", "response_format", "stream"}

func (d *dialect) encodeBody() error {
	for name := range d.settings.Body {
		if slices.Contains(ownMembers, name) {
			return fmt.Errorf("body: %s is a member of every request already: leave it out", name)
		}
	}
	body, err := json.Marshal(d.settings.Body) // in the order of the names
	if err != nil {
		return fmt.Errorf("body: it cannot be written as JSON: %w", err)
	}
	if len(d.settings.Body) > 0 {
		d.body = "," + string(body[1:len(body)-1])
	}
	return nil
}
