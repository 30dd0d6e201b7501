package llm

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Bounds of asking for a list of models.
const (
	listTime     = 5 * time.Second
	maxListBytes = 1 << 20
)

// ErrUnreachable is the cause of a fault if no connection to the server was made.
var ErrUnreachable = errors.New("unreachable")

// ModelList is what a server says of its models.
type ModelList struct {
	// Base is the base URL that the list is under.
	Base   string
	Models []ListedModel
	// AnyName is set for servers that have one model and answer whatever name is asked for.
	AnyName bool
}

// ListedModel is one model of a list.
type ListedModel struct {
	Name    string
	aliases []string
	// Ends is the day on which it is shut down, and Successor the model that the server
	// names in its place. Empty: not known.
	Ends, Successor string
}

// Find returns the model that a server has under a name, nil if the list has none.
func (l *ModelList) Find(name string) *ListedModel {
	for i := range l.Models {
		if l.AnyName || l.Models[i].is(name) {
			return &l.Models[i]
		}
	}
	return nil
}

// is reports whether a server knows the model by a name. Gemini lists "models/NAME", Ollama
// "NAME:latest", LiteLLM "openai/*", and OpenRouter takes "NAME:nitro".
func (m *ListedModel) is(name string) bool {
	plain, _, _ := strings.Cut(name, ":")
	return slices.ContainsFunc(append(m.aliases, m.Name), func(own string) bool {
		own = strings.TrimPrefix(own, "models/")
		prefix, wild := strings.CutSuffix(own, "*")
		return strings.EqualFold(own, strings.TrimPrefix(name, "models/")) || strings.EqualFold(own, plain) ||
			strings.EqualFold(own, name+":latest") || wild && strings.HasPrefix(name, prefix)
	})
}

// Models asks a target's server for its models, with a key, within 5 s. It takes no lease
// and counts nowhere. The error is a *fault.Fault, also if the server has no such list.
func (c *Client) Models(ctx context.Context, t Target, secret string) (*ModelList, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTime, errAttemptTime)
	defer cancel()
	d, err := c.sites.dialect(dialectID{t.Group, t.BaseURL, t.Model})
	if err != nil {
		return nil, err
	}
	addresses, err := endpoints(t.BaseURL, d.query)
	if err != nil {
		return nil, err
	}
	var first *fault.Fault
	for _, address := range addresses {
		list, f := c.list(ctx, address, d, secret)
		if f == nil {
			return list, nil
		}
		if first == nil {
			first = f
		}
		if errors.Is(f, ErrUnreachable) || ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// list asks for the models next to an address of chat completions.
func (c *Client) list(ctx context.Context, address string, d *dialect, secret string) (*ModelList, *fault.Fault) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fault.From(err)
	}
	root := strings.TrimSuffix(u.Path, endpointPath)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, withPath(u, root+"/models"), nil)
	if err != nil {
		return nil, fault.From(err)
	}
	req.Header = d.headers.Clone()
	if name, value := d.credential(secret); name != "" {
		req.Header.Set(name, value)
	}
	res, err := c.caller.Do(req)
	if err != nil {
		err = causeOf(ctx, err)
		f := callFailed(err, response{}, d.hidden(secret)).fault
		if unreachable(err) {
			f = fault.Wrap(ErrUnreachable, f.Reason, "%s", f.Message)
		}
		return nil, f
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxListBytes+1))
	body := string(data)
	switch {
	case err != nil:
		return nil, callFailed(causeOf(ctx, err), response{}, d.hidden(secret)).fault
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, errorOutcome(response{res.StatusCode, res.Header, body}, readError(res.StatusCode, res.Header, body), d.hidden(secret)).fault
	case len(data) > maxListBytes || !gjson.Valid(body):
		return nil, noModelList()
	}
	list := readModels(gjson.Parse(body), d.hidden(secret))
	if list == nil {
		return nil, noModelList()
	}
	list.Base = publicURL(withPath(u, root))
	return list, nil
}

func noModelList() *fault.Fault {
	return fault.New(fault.MalformedAnswer, "what the model's server sent is not a list of models")
}

// readModels reads OpenAI's form, {"data":[{"id":...}]}, a bare list, and {"models":[...]}.
// It returns nil for anything else. Models that are listed as no longer in use are left out.
func readModels(root gjson.Result, secrets hidden) *ModelList {
	entries := root
	for _, name := range []string{"data", "models"} {
		if v := root.Get(name); !entries.IsArray() && v.Exists() {
			entries = v
		}
	}
	if !entries.IsArray() && (entries.Type != gjson.Null || !root.IsObject()) {
		return nil
	}
	var list ModelList
	for _, e := range entries.Array() {
		name := cmp.Or(e.Get("id").String(), e.Get("name").String())
		if name == "" || e.Get("active").Type == gjson.False || e.Get("archived").Bool() {
			continue
		}
		m := ListedModel{Name: public(name, secrets), Ends: endOf(e), Successor: public(e.Get("deprecation_replacement_model").String(), secrets)}
		for _, alias := range e.Get("aliases").Array() {
			m.aliases = append(m.aliases, alias.String())
		}
		list.Models = append(list.Models, m)
	}
	list.AnyName = len(list.Models) == 1 && entries.Get("0.owned_by").String() == "llamacpp"
	return &list
}

// endOf returns the day on which a model is shut down: OpenAI's shutdown_date, OpenRouter's
// expiration_date, Azure's deprecation.inference and Mistral's deprecation, each as a date
// or in seconds since 1970.
func endOf(e gjson.Result) string {
	for _, path := range []string{"shutdown_date", "expiration_date", "deprecation.inference", "deprecation"} {
		switch v := e.Get(path); {
		case v.Type == gjson.Number:
			return time.Unix(v.Int(), 0).UTC().Format(time.DateOnly)
		case v.Type == gjson.String && v.Str != "":
			day, _, _ := strings.Cut(public(v.Str, hidden{}), "T")
			return day
		}
	}
	return ""
}
