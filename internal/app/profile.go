package app

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// Profile is how all servers are asked, in YAML, as far as the configuration says:
//
//	{auth: api-key, query: {api-version: "2024-10-21"}, format: json_object}
//
// A key group may add a profile of its own.
type Profile struct {
	settings llm.Settings
	// problem waits for Config.Validate, since an error of UnmarshalText is printed with
	// the whole variable, secret headers included.
	problem error
}

// UnmarshalText reads a profile. It never fails: Config.Validate reports what is wrong.
func (p *Profile) UnmarshalText(text []byte) error {
	var read profile
	if err := yaml.Unmarshal(text, &read); err != nil {
		p.problem = fmt.Errorf("it is not YAML, or has a member that no profile has: give some of %v", llm.SettingNames())
		return nil //nolint:nilerr // see above
	}
	p.settings, p.problem = llm.Settings(read), llm.Settings(read).Check()
	return nil
}

// Format writes no more than that there is one, whatever the verb: headers may be secret.
func (p Profile) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "profile") }

func (c *Config) checkProfile(w *wrongs) {
	if c.Profile.problem != nil {
		w.add("profile", "profile: %w", c.Profile.problem)
	}
	if err := (llm.Settings{Provider: c.Provider}).Check(); err != nil {
		w.add("provider", "%w", err)
	}
}

// profiles are the settings for all servers, and what key groups add.
func (c *Config) profiles() (all llm.Settings, groups map[string]llm.Settings) {
	all = c.Profile.settings
	if c.Provider != "" {
		all.Provider = c.Provider
	}
	return all, c.KeyGroups.profiles
}

// targets are the models that callers may ask for, by the names that the servers know.
func (c *Config) targets() (targets []llm.Target) {
	for _, g := range c.groups() {
		for _, model := range c.servedModels() {
			if own, served := g.Models[model]; served {
				model = own
			} else if len(g.Models) > 0 {
				continue
			}
			targets = append(targets, llm.Target{Group: g.Name, BaseURL: g.BaseURL, Model: model})
		}
	}
	return targets
}

// profilesOf returns how the served models are asked, with the times from the gate.
func profilesOf(c *Config, model *llm.Client, gate *upstream.Status) []catalog.Profile {
	profiles := model.Profiles(c.targets())
	for i := range profiles {
		timeout := catalog.ProfilePart{Name: "attempt_timeout"}
		for _, g := range gate.Groups {
			if g.Name != profiles[i].Groups[0] {
				continue
			}
			timeout.Value = g.Latency.Timeout.Round(time.Millisecond).String()
			if g.Latency.Count > 0 {
				timeout.Source = catalog.FromExperience
			}
		}
		if c.AttemptTimeout > 0 {
			timeout.Value, timeout.Source = c.AttemptTimeout.String(), catalog.FromSettings
		}
		profiles[i].Parts = append(profiles[i].Parts, timeout)
	}
	return profiles
}

// profileStore returns where what was learned of servers outlives the process, nil if nothing
// does.
func (a *App) profileStore() llm.Profiles {
	if a.broker == nil {
		return nil
	}
	return a.broker.Values("credenza_profiles", a.log)
}
