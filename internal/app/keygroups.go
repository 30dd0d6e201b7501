package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/llm"
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
//     profile: {provider: azure, query: {api-version: "2024-10-21"}}
//
// A secret that begins with "$" names an environment variable.
type KeyGroups struct {
	groups   []upstream.Group
	profiles map[string]llm.Settings // by the group's name
	// problem is what is wrong with the text. It waits for Config.Validate, since
	// an error of UnmarshalText is printed with the whole variable, keys included.
	problem error
}

type keyGroup struct {
	Name              string            `yaml:"name"`
	Keys              []groupKey        `yaml:"keys"`
	BaseURL           string            `yaml:"base_url"`
	Models            map[string]string `yaml:"models"`
	RequestsPerMinute float64           `yaml:"requests_per_minute"`
	TokensPerMinute   float64           `yaml:"tokens_per_minute"`
	Profile           profile           `yaml:"profile"`
}

// profile is how a server is asked, as far as the configuration says.
type profile llm.Settings

// UnmarshalYAML refuses fields that a profile does not have.
func (p *profile) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyFields(n, llm.SettingNames()...); err != nil {
		return err
	}
	return n.Decode((*llm.Settings)(p))
}

// groupKey is a key with a weight, or the key alone.
type groupKey struct {
	Secret string  `yaml:"secret"`
	Weight float64 `yaml:"weight"`
}

// UnmarshalYAML refuses fields that a group does not have.
func (g *keyGroup) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyFields(n, "name", "keys", "base_url", "models", "requests_per_minute", "tokens_per_minute", "profile"); err != nil {
		return err
	}
	type plain keyGroup
	return n.Decode((*plain)(g))
}

// UnmarshalYAML reads both forms.
func (k *groupKey) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&k.Secret)
	}
	if err := onlyFields(n, "secret", "weight"); err != nil {
		return err
	}
	type plain groupKey
	return n.Decode((*plain)(k))
}

// onlyFields names the line of an unknown field and not the field: with a colon
// too many, that is a key. Decoder.KnownFields does not reach into nodes.
func onlyFields(n *yaml.Node, known ...string) error {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if field := n.Content[i]; field.Tag != "!!merge" && !slices.Contains(known, field.Value) {
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: unknown field", field.Line)}}
		}
	}
	return nil
}

// UnmarshalText reads a list of groups. It never fails: Config.Validate reports
// what is wrong with the text.
func (k *KeyGroups) UnmarshalText(text []byte) error {
	k.groups, k.profiles, k.problem = parseGroups(text)
	return nil
}

func parseGroups(text []byte) ([]upstream.Group, map[string]llm.Settings, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, &groupsProblem{yamlLine(err), "this is not YAML"}
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return nil, nil, nil
	}
	groups, profiles, problem := readGroups(doc.Content[0])
	if problem != nil {
		return nil, nil, problem
	}
	return groups, profiles, nil
}

// groupsProblem is what is wrong with key groups, without a secret, and the line
// in their document, 0 if not known.
type groupsProblem struct {
	line int
	text string
}

// Error returns one line.
func (p *groupsProblem) Error() string {
	if p.line == 0 {
		return p.text
	}
	return fmt.Sprintf("%s: see its line %d", p.text, p.line)
}

// readGroups reads the list of groups that a node holds.
func readGroups(list *yaml.Node) ([]upstream.Group, map[string]llm.Settings, *groupsProblem) {
	if list.Kind == yaml.AliasNode {
		list = list.Alias
	}
	if list.Kind != yaml.SequenceNode {
		return nil, nil, &groupsProblem{list.Line, "give a list of key groups"}
	}
	var groups []upstream.Group
	profiles := map[string]llm.Settings{}
	for i, n := range list.Content {
		group, settings, problem := readGroup(i+1, n)
		if problem != nil {
			return nil, nil, problem
		}
		if slices.ContainsFunc(groups, func(other upstream.Group) bool { return other.Name == group.Name }) {
			return nil, nil, &groupsProblem{n.Line, fmt.Sprintf("key group %d: its name is there twice", i+1)}
		}
		groups = append(groups, group)
		profiles[group.Name] = settings
	}
	return groups, profiles, nil
}

func readGroup(number int, n *yaml.Node) (upstream.Group, llm.Settings, *groupsProblem) {
	var g keyGroup
	if err := n.Decode(&g); err != nil {
		return upstream.Group{}, llm.Settings{}, &groupsProblem{
			cmp.Or(yamlLine(err), n.Line),
			fmt.Sprintf("key group %d is not valid: it may have name, keys, base_url, models, requests_per_minute, tokens_per_minute and profile", number),
		}
	}
	group, err := g.convert()
	if err == nil {
		err = llm.Settings(g.Profile).Check()
	}
	if err != nil {
		return group, llm.Settings{}, &groupsProblem{n.Line, fmt.Sprintf("key group %d: %v", number, err)}
	}
	group.Name = cmp.Or(group.Name, groupName(number))
	return group, llm.Settings(g.Profile), nil
}

// groupName returns the name of a group that has none, by its number from 1.
func groupName(number int) string { return fmt.Sprintf("group %d", number) }

var lineNumber = regexp.MustCompile(`\bline (\d+)\b`)

// yamlLine returns the line of an error of YAML, 0 if there is none. The rest of such an
// error must not be shown: it quotes values, which may be keys.
func yamlLine(err error) int {
	found := lineNumber.FindStringSubmatch(err.Error())
	if found == nil {
		return 0
	}
	line, _ := strconv.Atoi(found[1]) // too large a number is none
	return line
}

func (g *keyGroup) convert() (upstream.Group, error) {
	if len(g.Keys) == 0 {
		return upstream.Group{}, errors.New("it has no keys: give at least one")
	}
	group := upstream.Group{
		Name: g.Name, BaseURL: g.BaseURL, Models: g.Models,
		RequestsPerMinute: g.RequestsPerMinute, TokensPerMinute: g.TokensPerMinute,
	}
	if u, err := url.Parse(group.BaseURL); err == nil && u.User != nil {
		return group, errors.New("its base_url holds a user or password: give keys by its keys")
	}
	for i, k := range g.Keys {
		secret, err := resolveSecret(k.Secret, i+1)
		if err != nil {
			return group, err
		}
		group.Keys = append(group.Keys, upstream.Key{Secret: upstream.NewSecret(secret), Weight: k.Weight})
	}
	return group, nil
}

var variableName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// resolveSecret returns the value of the variable that a secret names, and other
// secrets as they are. What does not look like a variable may be a key itself,
// so errors do not quote it.
func resolveSecret(secret string, number int) (string, error) {
	secret = strings.TrimSpace(secret)
	name, ok := strings.CutPrefix(secret, "$")
	if !ok {
		return secret, nil
	}
	if value := strings.TrimSpace(os.Getenv(name)); value != "" {
		return value, nil
	}
	if !variableName.MatchString(name) {
		return "", fmt.Errorf("key %d begins with $ and names no variable", number)
	}
	return "", fmt.Errorf("the environment has no %s: set it, or give key %d otherwise", name, number)
}

// Format writes the groups' names alone, whatever the verb.
func (k KeyGroups) Format(f fmt.State, _ rune) {
	names := make([]string, len(k.groups))
	for i, g := range k.groups {
		names[i] = g.Name
	}
	_, _ = fmt.Fprint(f, names)
}
