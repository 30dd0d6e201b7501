package app

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// Diagnosis is what Doctor found out about one key, asked for one model. All of it is safe
// to show.
type Diagnosis struct {
	Group string `json:"group"`
	// Server is the address that questions went to.
	Server string `json:"server"`
	Model  string `json:"model"`
	Key    string `json:"key"`
	// List is the server's list of models, nil if it gave none, or an empty one.
	List    *Listing `json:"models,omitempty"`
	Checks  []Check  `json:"checks"`
	Settled bool     `json:"settled"`
	// Profile is there once for each server.
	Profile  []Setting `json:"profile,omitempty"`
	Requests *Limit    `json:"requests,omitempty"`
	Tokens   *Limit    `json:"tokens,omitempty"`
	Advice   []string  `json:"advice"`

	base      string // the base URL that is right, if it is known
	listError string // why there is not a list of models
}

// Listing is what a server's list says of the model.
type Listing struct {
	Count     int      `json:"count"`
	Listed    bool     `json:"listed"`
	Ends      string   `json:"ends,omitempty"`
	Successor string   `json:"successor,omitempty"`
	Nearest   []string `json:"nearest,omitempty"`
}

// Check is one question.
type Check struct {
	Name     string `json:"name"` // text, picture or again
	Answered bool   `json:"answered"`
	// Answer is the category, Confidence and Source how sure it is.
	Answer     string  `json:"answer,omitempty"`
	Confidence float64 `json:"confidence,omitempty"`
	Source     string  `json:"confidence_source,omitempty"`
	// Reason and Message are why there is no answer.
	Reason  string  `json:"reason,omitempty"`
	Message string  `json:"message,omitempty"`
	Seconds float64 `json:"seconds"`
	Calls   int     `json:"calls"`
	// Prompt has Cached in it.
	Prompt     int64 `json:"prompt_tokens"`
	Cached     int64 `json:"cached_prompt_tokens"`
	Completion int64 `json:"completion_tokens"`

	reason fault.Reason
}

// Setting is one part of how the model is asked.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// Limit is a limit of the provider.
type Limit struct {
	Amount    float64 `json:"limit"`
	Remaining float64 `json:"remaining"`
	// PerMinute is how much is added in a minute. 0: not known.
	PerMinute float64 `json:"per_minute,omitempty"`
}

// Doctor asks each configured server a few questions and returns what it found out: three
// questions of the first model of each server, and one of each other model and key. Each may
// take the given time. It calls note before each question. Nothing is stored. There is no
// diagnosis if no server is configured.
func Doctor(ctx context.Context, config Config, timeout time.Duration, note func(model, server, question string)) ([]Diagnosis, error) {
	return diagnose(ctx, config, doctor{timeout: timeout, note: note})
}

// diagnose has d ask, with the time-out, note and brief that the caller has set.
func diagnose(ctx context.Context, config Config, d doctor) ([]Diagnosis, error) {
	if config.backend() == backendOffline {
		return nil, nil
	}
	tax, err := taxonomy.Load(config.Taxonomy)
	if err != nil {
		return nil, err
	}
	wording, err := prompt.New(tax)
	if err != nil {
		return nil, err
	}
	gate, err := newGate(&config)
	if err == nil {
		err = config.checkServed(gate)
	}
	if err != nil {
		return nil, err
	}
	d.prompt, d.learned, d.seen, d.grouped = wording, &learned{}, map[string]bool{}, len(config.KeyGroups.groups) > 0
	for _, g := range config.groups() {
		for i, key := range g.Keys {
			if err := d.examineKey(ctx, config, g, key, i == 0); err != nil {
				return nil, err
			}
		}
	}
	return d.found, nil
}

// doctor asks questions.
type doctor struct {
	prompt  *prompt.Prompt
	learned *learned
	timeout time.Duration
	note    func(model, server, question string)
	brief   bool            // one question of each model and key
	grouped bool            // keys are in key groups
	seen    map[string]bool // servers that were asked, by their base URL
	found   []Diagnosis
}

// examineKey asks a key of a group for the first model, and the group's first one for all.
func (d *doctor) examineKey(ctx context.Context, c Config, g upstream.Group, key upstream.Key, first bool) error {
	g.Keys = []upstream.Key{key}
	c.APIKeys, c.KeyGroups.groups = Keys{}, []upstream.Group{g}
	for n, t := range c.targets() {
		if !first && n > 0 {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		found, err := d.examine(ctx, c, t, !d.brief && !d.seen[t.BaseURL])
		if err != nil {
			return err
		}
		d.seen[t.BaseURL] = d.seen[t.BaseURL] || found.Answered()
		d.found = append(d.found, found)
	}
	return nil
}

// examine asks one target, of which the config has the only key.
func (d *doctor) examine(ctx context.Context, c Config, t llm.Target, whole bool) (Diagnosis, error) {
	group := c.KeyGroups.groups[0]
	secret := group.Keys[0].Secret
	out := Diagnosis{Group: t.Group, Server: t.BaseURL, Model: t.Model, Key: secret.Tail()}
	settings := settingNames(&c, d.grouped, t)
	group.Models = nil // the target has the server's own name
	c.KeyGroups.groups, c.Model, c.Models = []upstream.Group{group}, t.Model, nil
	gate, err := newGate(&c)
	if err != nil {
		return out, err
	}
	model, err := newModel(&c, d.prompt, gate, modelParts{profiles: d.learned})
	if err != nil {
		return out, err
	}
	defer model.Close()
	list, err := model.Models(ctx, t, secret.Reveal())
	f := fault.From(err)
	if f != nil {
		out.listError = f.Message
	}
	if errors.Is(err, llm.ErrUnreachable) {
		out.Checks = []Check{{Name: "connection", Reason: f.Reason.String(), Message: f.Message, reason: f.Reason}}
	} else {
		out.Checks = d.ask(ctx, model, t, whole)
	}
	if list == nil && !out.Answered() {
		list = d.listElsewhere(ctx, model, t, secret.Reveal(), &out)
	}
	out.list(t.Model, list)
	status := gate.Status()
	out.describe(profilesOf(&c, model, &status)[0], &status.Groups[0], whole)
	out.advise(settings)
	return out, nil
}

// ask asks the questions, and no more of them after one that was not answered.
func (d *doctor) ask(ctx context.Context, model *llm.Client, t llm.Target, whole bool) []Check {
	questions := []struct {
		name    string
		item    catalog.Item
		picture bool
	}{
		{"text", catalog.Item{Name: "Two-seat sofa", Description: "Linen cover, walnut legs, loose cushions"}, false},
		{"picture", catalog.Item{Name: "Dining table", Description: "Oiled oak"}, true},
		{"again", catalog.Item{Name: "Desk lamp", Description: "Jointed arm, brass shade"}, false},
	}
	if !whole {
		questions = questions[:1]
	}
	var checks []Check
	for _, q := range questions {
		question := catalog.Question{Item: &q.item, Within: d.timeout}
		if profile := model.Profiles([]llm.Target{t}); q.picture && profile[0].Part("pictures").Value == "false" {
			continue
		} else if q.picture {
			question.Picture = drawing()
		}
		d.note(t.Model, hostOf(t.BaseURL), q.name)
		checks = append(checks, d.check(ctx, model, q.name, question))
		if !checks[0].Answered {
			break
		}
	}
	return checks
}

func (d *doctor) check(ctx context.Context, model *llm.Client, name string, q catalog.Question) Check {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	began := time.Now()
	answer, err := model.Ask(ctx, q)
	usage := answer.Trace.Usage
	c := Check{
		Name: name, Answered: err == nil, Seconds: time.Since(began).Seconds(), Calls: answer.Trace.Attempts,
		Prompt: usage.Prompt, Cached: usage.CachedPrompt, Completion: usage.Completion,
	}
	if err != nil {
		f := fault.From(err)
		c.Reason, c.Message, c.reason = f.Reason.String(), f.Message, f.Reason
		return c
	}
	c.Answer, c.Confidence = answer.Classification.Category, answer.Classification.Confidence
	c.Source = map[catalog.ConfidenceSource]string{
		catalog.FromLogprobs: "log-probabilities", catalog.FromModel: "the model's own word", catalog.NoConfidence: "not known",
	}[answer.Classification.ConfidenceSource]
	return c
}

// Answered reports whether any question was answered.
func (d *Diagnosis) Answered() bool { return d.Answer("text") != nil }

// Answer returns the check of that name if it was answered, else nil.
func (d *Diagnosis) Answer(name string) *Check {
	for i := range d.Checks {
		if d.Checks[i].Name == name && d.Checks[i].Answered {
			return &d.Checks[i]
		}
	}
	return nil
}

// Measured returns the answer that shows what an item costs: one for which nothing had to be
// found out, if there is one. Nil: there is no answer.
func (d *Diagnosis) Measured() *Check {
	if again := d.Answer("again"); again != nil {
		return again
	}
	return d.Answer("text")
}

// ItemsPerMinute returns how many items the known limits allow, 0 if they are not known.
func (d *Diagnosis) ItemsPerMinute() (most float64) {
	c := d.Measured()
	if c == nil {
		return 0
	}
	lower := func(n float64) {
		if n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	if d.Requests != nil {
		lower(d.Requests.PerMinute)
	}
	if tokens := c.Prompt + c.Completion; d.Tokens != nil && tokens > 0 {
		lower(d.Tokens.PerMinute / float64(tokens))
	}
	return most
}

// list notes what the server's list says of the model.
func (d *Diagnosis) list(model string, list *llm.ModelList) {
	if list == nil || len(list.Models) == 0 {
		return // an empty list says nothing
	}
	d.List = &Listing{Count: len(list.Models), Nearest: nearestModels(model, list)}
	if m := list.Find(model); m != nil {
		d.List.Listed, d.List.Ends, d.List.Successor = true, m.Ends, m.Successor
	}
}

// describe notes how the model is asked and which limits are known.
func (d *Diagnosis) describe(p catalog.Profile, g *upstream.GroupStatus, whole bool) {
	d.Server, d.Settled = p.Part("address").Value, p.Settled
	d.Requests, d.Tokens = limitOf(g.Requests), limitOf(g.Tokens)
	if !whole {
		return
	}
	for _, part := range p.Parts {
		d.Profile = append(d.Profile, Setting{part.Name, part.Value, part.Source.String()})
	}
}

func limitOf(q upstream.QuotaStatus) *Limit {
	if !q.Known {
		return nil
	}
	return &Limit{q.Limit, q.Remaining, math.Round(60 * q.Refill)}
}

// drawing returns a picture of a table.
func drawing() *catalog.Picture {
	canvas := image.NewRGBA(image.Rect(0, 0, 256, 192))
	fill := func(r image.Rectangle, c color.Color) {
		draw.Draw(canvas, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	oak := color.RGBA{150, 100, 50, 255}
	fill(canvas.Bounds(), color.White)
	fill(image.Rect(24, 60, 232, 76), oak)
	fill(image.Rect(40, 76, 52, 172), oak)
	fill(image.Rect(204, 76, 216, 172), oak)
	var b bytes.Buffer
	_ = png.Encode(&b, canvas) // a buffer takes everything
	return &catalog.Picture{Data: b.Bytes(), MediaType: "image/png"}
}

// learned keeps profiles for as long as the doctor works.
type learned struct{ profiles sync.Map }

// Load implements llm.Profiles.
func (l *learned) Load(key string) []byte {
	data, _ := l.profiles.Load(key)
	profile, _ := data.([]byte)
	return profile
}

// Save implements llm.Profiles.
func (l *learned) Save(key string, profile []byte) { l.profiles.Store(key, profile) }
