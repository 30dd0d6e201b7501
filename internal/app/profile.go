package app

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/llm"
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
		p.problem = fmt.Errorf("it is no YAML, or has a member that no profile has: give some of %v", llm.SettingNames())
		return nil //nolint:nilerr // see above
	}
	p.settings, p.problem = llm.Settings(read), llm.Settings(read).Check()
	return nil
}

// Format writes no more than that there is one, whatever the verb: headers may be secret.
func (p Profile) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "profile") }

func (c *Config) checkProfile() error {
	if c.Profile.problem != nil {
		return fmt.Errorf("profile: %w", c.Profile.problem)
	}
	if err := (llm.Settings{Provider: c.Provider}).Check(); err != nil {
		return err
	}
	return nil
}

// profiles are the settings for all servers, and what key groups add.
func (c *Config) profiles() (all llm.Settings, groups map[string]llm.Settings) {
	all = c.Profile.settings
	if c.Provider != "" {
		all.Provider = c.Provider
	}
	return all, c.KeyGroups.profiles
}

// profileStore is where what was learned of servers outlives the process, nil if nothing
// does.
func (a *App) profileStore() llm.Profiles {
	if a.broker == nil {
		return nil
	}
	return a.broker.Values("credenza_profiles", a.log)
}
