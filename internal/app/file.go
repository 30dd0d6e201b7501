package app

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// FileResolver returns a kong.Resolver that takes settings from the YAML file
// that --config or CREDENZA_CONFIG names. What the command line or a non-empty
// environment variable sets is left alone; an empty variable counts as not set.
func FileResolver() kong.Resolver { return &fileResolver{} }

type fileResolver struct {
	path   string
	values map[string]string
}

// Validate has nothing to check before the file is known.
func (r *fileResolver) Validate(*kong.Application) error { return nil }

// Resolve returns the file's value for the flag, or nil.
func (r *fileResolver) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" || inEnvironment(flag, func(v string) bool { return v != "" }) {
		return nil, nil
	}
	if err := r.load(configPath(ctx)); err != nil {
		return nil, err
	}
	if v, ok := r.values[yamlName(flag.Name)]; ok {
		return v, nil
	}
	if inEnvironment(flag, func(v string) bool { return v == "" }) {
		return unset(flag), nil
	}
	return nil, nil
}

func (r *fileResolver) load(path string) error {
	if path == "" || path == r.path {
		return nil
	}
	values, err := readFile(path, knownSettings())
	if err != nil {
		return err
	}
	r.path, r.values = path, values
	return nil
}

// inEnvironment reports whether one of the flag's variables is there with a
// value that fits.
func inEnvironment(flag *kong.Flag, fits func(string) bool) bool {
	return slices.ContainsFunc(flag.Envs, func(name string) bool {
		value, ok := os.LookupEnv(name)
		return ok && fits(value)
	})
}

// unset is the value of a flag that nothing sets.
func unset(flag *kong.Flag) any {
	if flag.IsBool() && !flag.HasDefault {
		return "false"
	}
	return flag.Default
}

func yamlName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// configPath is the file's name from the command line, else the environment.
func configPath(ctx *kong.Context) string {
	for _, flag := range ctx.Flags() {
		if flag.Name == "config" {
			if path, ok := ctx.FlagValue(flag).(string); ok && path != "" {
				return path
			}
		}
	}
	return os.Getenv("CREDENZA_CONFIG")
}

// knownSettings are the YAML names of all settings.
func knownSettings() []string {
	model := kong.Must(&Config{}).Model
	var names []string
	for _, flag := range model.Flags {
		if flag.Name != "help" && flag.Name != "config" {
			names = append(names, yamlName(flag.Name))
		}
	}
	return names
}

// readFile returns the settings of a YAML file as text, lists with commas.
func readFile(path string, known []string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the settings file cannot be read: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	values := map[string]string{}
	if len(doc.Content) == 0 {
		return values, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: settings are `name: value` lines", path, top.Line)
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if !slices.Contains(known, key.Value) {
			return nil, fmt.Errorf("%s:%d: unknown setting %q%s", path, key.Line, key.Value, nearest(key.Value, known))
		}
		if _, twice := values[key.Value]; twice {
			return nil, fmt.Errorf("%s:%d: the setting %q is there twice", path, key.Line, key.Value)
		}
		text, err := scalar(value)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", path, value.Line, key.Value, err)
		}
		values[key.Value] = text
	}
	return values, nil
}

func scalar(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", nil
		}
		return n.Value, nil
	case yaml.SequenceNode:
		parts := make([]string, len(n.Content))
		for i, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				return "", fmt.Errorf("give a list of plain values")
			}
			parts[i] = c.Value
		}
		return strings.Join(parts, ","), nil
	default:
		return "", fmt.Errorf("give a plain value or a list")
	}
}

// nearest suggests the known name that a typing error most likely stands for.
func nearest(unknown string, known []string) string {
	unknown = yamlName(strings.ToLower(unknown))
	best := slices.MinFunc(known, func(a, b string) int {
		return cmp.Compare(distance(unknown, a), distance(unknown, b))
	})
	if distance(unknown, best) > max(2, len(best)/3) {
		return ": see `credenza serve --help` for the settings"
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance is how many letters have to be put in, left out or replaced to turn
// a into b (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
