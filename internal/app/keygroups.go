package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// KeyGroups are quota groups as the configuration has them, in YAML:
//
//   - name: team-a
//     keys: [$TEAM_A_KEY, {secret: $TEAM_A_OTHER, weight: 2}]
//     base_url: https://api.openai.com/v1
//     models: {gpt-4o-mini: gpt-4o-mini-2024-07-18}
//     requests_per_minute: 5000
//     tokens_per_minute: 2000000
//
// A secret that begins with "$" names an environment variable.
type KeyGroups struct{ groups []upstream.Group }

type keyGroup struct {
	Name              string            `yaml:"name"`
	Keys              []groupKey        `yaml:"keys"`
	BaseURL           string            `yaml:"base_url"`
	Models            map[string]string `yaml:"models"`
	RequestsPerMinute float64           `yaml:"requests_per_minute"`
	TokensPerMinute   float64           `yaml:"tokens_per_minute"`
}

// groupKey is a key with a weight, or the key alone.
type groupKey struct {
	Secret string  `yaml:"secret"`
	Weight float64 `yaml:"weight"`
}

// UnmarshalYAML reads both forms.
func (k *groupKey) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&k.Secret)
	}
	type plain groupKey
	return n.Decode((*plain)(k))
}

// UnmarshalText reads a list of groups. Errors name the line and no secret.
func (k *KeyGroups) UnmarshalText(text []byte) error {
	k.groups = nil
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var groups []keyGroup
	if err := decoder.Decode(&groups); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("no list of key groups (name, keys, base_url, models, requests_per_minute, tokens_per_minute): %s", yamlProblem(err))
	}
	for i, g := range groups {
		group, err := g.convert()
		if err != nil {
			return fmt.Errorf("key group %d: %w", i+1, err)
		}
		if group.Name == "" {
			group.Name = fmt.Sprintf("group %d", i+1)
		}
		if slices.ContainsFunc(k.groups, func(other upstream.Group) bool { return other.Name == group.Name }) {
			return fmt.Errorf("key group %d: the name %q is there twice", i+1, group.Name)
		}
		k.groups = append(k.groups, group)
	}
	return nil
}

// yamlProblem is where YAML went wrong, without the value, which may be a key.
func yamlProblem(err error) string {
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "line "); ok {
		line, _, _ := strings.Cut(rest, ":")
		return "see its line " + line
	}
	return "it is no YAML"
}

func (g *keyGroup) convert() (upstream.Group, error) {
	if len(g.Keys) == 0 {
		return upstream.Group{}, errors.New("it has no keys: give at least one")
	}
	group := upstream.Group{
		Name: g.Name, BaseURL: g.BaseURL, Models: g.Models,
		RequestsPerMinute: g.RequestsPerMinute, TokensPerMinute: g.TokensPerMinute,
	}
	if group.BaseURL == "" {
		group.BaseURL = defaultBaseURL
	}
	for i, k := range g.Keys {
		secret := strings.TrimSpace(k.Secret)
		if name, ok := strings.CutPrefix(secret, "$"); ok {
			if secret = os.Getenv(name); secret == "" {
				return group, fmt.Errorf("the environment has no %s: set it, or give key %d otherwise", name, i+1)
			}
		}
		group.Keys = append(group.Keys, upstream.Key{Secret: upstream.NewSecret(secret), Weight: k.Weight})
	}
	return group, nil
}

// Format writes the groups' names alone, whatever the verb.
func (k KeyGroups) Format(f fmt.State, _ rune) {
	names := make([]string, len(k.groups))
	for i, g := range k.groups {
		names[i] = g.Name
	}
	_, _ = fmt.Fprint(f, names)
}
