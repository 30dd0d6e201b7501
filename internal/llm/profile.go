package llm

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Target is a model on a server, asked with the keys of a quota group.
type Target struct {
	Group, BaseURL string
	// Model is the name that the server knows.
	Model string
}

// Profiles returns how the targets are asked now. Targets that are asked in the same way
// on the same server have one profile. Those that were not asked yet stay so.
func (c *Client) Profiles(targets []Target) []catalog.Profile {
	var profiles []catalog.Profile
	places := map[siteID]int{}
	for _, t := range targets {
		where, err := c.sites.peek(dialectID{t.Group, t.BaseURL, t.Model})
		if err != nil {
			continue // settings that are wrong stop the start
		}
		at, known := places[where.site.id]
		if !known {
			at = len(profiles)
			places[where.site.id] = at
			profiles = append(profiles, where.profile(&c.config))
		}
		profiles[at].Groups = append(profiles[at].Groups, t.Group)
	}
	return profiles
}

// profile describes the site and where each part of it comes from.
func (w asked) profile(c *Config) catalog.Profile {
	s, d := w.site, w.dialect
	s.mu.Lock()
	now, settled, endpoint := s.talks.now, s.talks.done && s.talks.answered, s.endpoints[min(s.talks.now.Endpoint, len(s.endpoints)-1)]
	s.mu.Unlock()
	first, err := endpoints(s.id.base, d.query)
	elsewhere := err == nil && endpoint != first[0]
	p := profileParts{dialect: d}
	p.add("provider", d.settings.Provider, false, func(s *Settings) bool { return s.Provider != "" })
	p.add("address", publicURL(endpoint), elsewhere, func(*Settings) bool { return s.id.base != defaultBase })
	p.add("auth", string(d.auth), false, func(s *Settings) bool { return s.Auth != "" })
	p.add("query", namesOf(d.settings.Query), false, func(s *Settings) bool { return len(s.Query) > 0 })
	p.add("headers", namesOf(d.settings.Headers), false, func(s *Settings) bool { return len(s.Headers) > 0 })
	p.add("body", namesOf(d.settings.Body), false, func(s *Settings) bool { return len(s.Body) > 0 })
	p.add("format", wordOf(formatNames, now.Format), now.Format != d.offer.Format, func(s *Settings) bool { return s.Format != "" })
	p.add("output_limit", wordOf(limitNames, now.Limit), now.Limit != d.offer.Limit, func(s *Settings) bool { return s.OutputLimit != "" })
	p.add("output_tokens", strconv.Itoa(cmp.Or(now.Room, c.MaxTokens)), now.Room != 0, nil)
	p.add("max_output_tokens", strconv.Itoa(c.MaxOutputTokens), false, func(*Settings) bool { return c.MaxOutputTokens != DefaultMaxOutputTokens })
	p.add("logprobs", wordOf(logprobsNames, now.Logprobs), now.Logprobs != d.offer.Logprobs, func(s *Settings) bool { return s.Logprobs != "" })
	p.add("temperature", strconv.FormatBool(now.Temperature == withTemperature), now.Temperature != d.offer.Temperature,
		func(s *Settings) bool { return s.Temperature != nil })
	p.add("reasoning_effort", cmp.Or(wordOf(effortNames, now.Effort), "not sent"), now.Effort != d.offer.Effort,
		func(s *Settings) bool { return s.ReasoningEffort != "" })
	p.add("pictures", strconv.FormatBool(now.Pictures == withPictures), now.Pictures != d.offer.Pictures, func(s *Settings) bool { return s.Pictures != nil })
	p.add("stream", strconv.FormatBool(d.settings.Stream), false, func(s *Settings) bool { return s.Stream })
	p.add("prompt_cache", wordOf(cacheNames, now.Cache), now.Cache != d.offer.Cache, func(s *Settings) bool { return s.PromptCache != "" })
	return catalog.Profile{Model: s.id.model, Settled: settled, Parts: p.list}
}

// profileParts collects the parts of a profile.
type profileParts struct {
	dialect *dialect
	list    []catalog.ProfilePart
}

// add adds a part unless it is empty. says reports whether settings speak of it; nil: none do.
func (p *profileParts) add(name, value string, learned bool, says func(*Settings) bool) {
	part := catalog.ProfilePart{Name: name, Value: value}
	switch {
	case value == "":
		return
	case learned:
		part.Source = catalog.FromExperience
	case says == nil:
	case says(&p.dialect.set):
		part.Source = catalog.FromSettings
	case says(&p.dialect.preset):
		part.Source = catalog.FromPreset
	}
	p.list = append(p.list, part)
}

// namesOf returns the names of a map with commas. Its values may be secret.
func namesOf[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

// wordOf returns the word of a setting for a value, empty if it has none.
func wordOf(words map[string]level, value level) string {
	for word, v := range words {
		if v == value && word != "" {
			return word
		}
	}
	return ""
}
