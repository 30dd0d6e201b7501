package app

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// settingsNamed are the names of the settings that a user would change.
type settingsNamed struct{ keys, base, model, profile string }

// settingNames returns the names for a target of which the config has the only group. grouped
// is whether the user has given key groups.
func settingNames(c *Config, grouped bool, t llm.Target) settingsNamed {
	names := settingsNamed{"OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "CREDENZA_PROFILE='{%s}'"}
	if !reflect.ValueOf(c.Profile.settings).IsZero() {
		names.profile = "%s, in CREDENZA_PROFILE too"
	}
	if t.Model != c.Model {
		names.model = "CREDENZA_MODELS"
	}
	if grouped {
		group := fmt.Sprintf(" of the key group %q", t.Group)
		names.keys, names.base, names.profile = "keys"+group, "base_url"+group, "profile: {%s}"+group
		if len(c.KeyGroups.groups[0].Models) > 0 {
			names.model = "models" + group
		}
	}
	return names
}

// listElsewhere looks for a list of models at the root of the server's host: if there is one,
// the base URL is wrong and this one is right.
func (d *doctor) listElsewhere(ctx context.Context, model *llm.Client, t llm.Target, secret string, out *Diagnosis) *llm.ModelList {
	u, err := url.Parse(t.BaseURL)
	if err != nil || strings.Trim(u.Path, "/") == "" || out.failure() != fault.UpstreamRejected {
		return nil
	}
	t.BaseURL = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	list, err := model.Models(ctx, t, secret)
	if err != nil || len(list.Models) == 0 {
		return nil
	}
	out.base = list.Base
	return list
}

// failure returns why the first question failed, 0 if it was answered.
func (d *Diagnosis) failure() fault.Reason {
	if len(d.Checks) == 0 || d.Checks[0].Answered {
		return 0
	}
	return d.Checks[0].reason
}

// advise fills in what the user may do.
func (d *Diagnosis) advise(names settingsNamed) {
	d.Advice = []string{}
	if d.Answered() {
		d.adviseOnAnswer(names)
	} else {
		d.adviseOnFailure(names)
	}
	if l := d.List; l != nil && l.Ends != "" {
		text := fmt.Sprintf("%s is shut down on %s: name another model in %s in time", d.Model, l.Ends, names.model)
		if l.Successor != "" {
			text += ", such as " + l.Successor
		}
		d.add("%s.", text)
	}
}

func (d *Diagnosis) add(format string, args ...any) {
	d.Advice = append(d.Advice, fmt.Sprintf(format, args...))
}

func (d *Diagnosis) adviseOnFailure(names settingsNamed) {
	said := d.Checks[0].Message
	switch reason := d.failure(); {
	case strings.Contains(said, "speaks http and not https"):
		d.add("The server speaks http: write http:// in place of https:// in %s.", names.base)
	case strings.Contains(d.listError, "HTTP request to an HTTPS server"):
		d.add("The server speaks https: write https:// in place of http:// in %s.", names.base)
	case strings.Contains(said, "certificate"):
		d.add("This machine does not trust the certificate of %s: name the file of its authority in SSL_CERT_FILE, or correct %s.", hostOf(d.Server), names.base)
	case d.Checks[0].Name == "connection":
		d.add("No connection to %s: start the server if it is yours, or correct %s.", hostOf(d.Server), names.base)
	case reason == fault.UpstreamAuth && d.Key == upstream.Secret{}.Tail():
		d.add("The server requires a key: set %s.", names.keys)
	case reason == fault.UpstreamAuth && strings.Contains(said, ": 403"):
		d.add("The server forbids the call: the key %s may lack rights, or calls from this network may not be allowed. Correct that at the provider, "+
			"or give another key in %s.", d.Key, names.keys)
	case reason == fault.UpstreamAuth:
		d.add("The server refuses the key %s: give a valid one in %s.", d.Key, names.keys)
		if strings.Contains(said, "subscription key") {
			d.add("Azure expects keys in a header of its own: set %s.", fmt.Sprintf(names.profile, "provider: azure"))
		}
	case reason == fault.QuotaExhausted:
		d.add("The account of the key %s is out of money or quota: add to it, or give another key in %s.", d.Key, names.keys)
	case reason == fault.RateLimited:
		d.add("The limit of the key %s is used up for now: wait for as long as the server says, raise the limit, or give another key in %s.", d.Key, names.keys)
	case d.base != "":
		d.add("%s is not an API, but %s is: set %s to that.", d.Server, d.base, names.base)
	case strings.Contains(said, "answered 200") && strings.Contains(said, "which is not a chat completion"), reason == fault.MalformedAnswer && strings.Contains(said, "not a chat completion"):
		d.add("What answers at %s is not a model's server: correct %s.", d.Server, names.base)
	case reason == fault.MalformedAnswer:
		d.add("The model does not answer in the form that is asked for: name another one in %s.", names.model)
	case d.List != nil && !d.List.Listed:
		d.add("The server does not list %s: set %s to a model that it has%s.", d.Model, names.model, d.List.named())
	case reason == fault.UpstreamTimeout || reason == fault.DeadlineExceeded:
		d.add("The model takes long, or is being loaded: try again with a larger --timeout.")
	default:
		d.add("See what the server says above, and correct it there, or in the settings (%s, OPENAI_MODEL, CREDENZA_PROFILE).", names.base)
	}
}

// named returns the nearest models as a part of a sentence.
func (l *Listing) named() string {
	switch {
	case l.Count > len(l.Nearest):
		return fmt.Sprintf(", such as %s (%d in all)", strings.Join(l.Nearest, ", "), l.Count)
	default:
		return ": " + strings.Join(l.Nearest, ", ")
	}
}

// slowAnswer is how many seconds an answer takes from a server that is slow.
const slowAnswer = 15

// manyTokens is how many tokens an answer has only if the model reasons before it.
const manyTokens = 400

func (d *Diagnosis) adviseOnAnswer(names settingsNamed) {
	var found []string
	for _, s := range d.Profile {
		switch {
		case s.From != "learned" || s.Name == "attempt_timeout" || s.Name == "output_tokens":
		case s.Name == "address":
			d.add("The API is at %s: set %s to that, which saves calls.", strings.TrimSuffix(s.Value, "/chat/completions"), names.base)
		case s.Name == "pictures":
			d.add("The model takes no pictures, so items are answered from their text: if pictures matter, name a model that takes them.")
		case s.Value != "not sent":
			found = append(found, s.Name+": "+s.Value)
		}
	}
	if calls := d.Answer("text").Calls; calls > 1 && len(found) > 0 {
		d.add("Finding out how to ask took %d calls. `serve` does so once and remembers it; this saves them: %s.",
			calls, fmt.Sprintf(names.profile, strings.Join(found, ", ")))
	}
	if again := d.Answer("again"); again != nil {
		if again.Completion > manyTokens {
			d.add("An answer costs %d tokens, since the model reasons before it answers: one that reasons less is cheaper and quicker.", again.Completion)
		}
		if again.Seconds > slowAnswer && again.Calls == 1 {
			d.add("An answer takes %.0f seconds: a smaller model is quicker, as is a server that answers many questions at once.", again.Seconds)
		}
		if again.Calls > 1 {
			d.add("The last question took %d calls, since the server failed or put off some. If that stays so, look for the reason at the server.", again.Calls)
		}
	}
	if l := d.List; l != nil && !l.Listed {
		d.add("The server answers for %s, but does not list it: make sure that the model is the one you mean%s.", d.Model, l.named())
	}
}
