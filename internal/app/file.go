package app

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// FileResolver returns a Resolver for one parse of a command line.
func FileResolver() *Resolver { return &Resolver{origins: map[string]origin{}} }

// Resolver is a kong.Resolver that takes settings from the YAML file that
// --config or CREDENZA_CONFIG names. What the command line or a non-empty
// environment variable sets is left alone; an empty variable and a null in the
// file count as not set. It is not safe for concurrent use.
type Resolver struct {
	path    string
	values  map[string]entry
	origins map[string]origin // by flag; those on the command line are not there
}

// entry is a setting as the file has it.
type entry struct {
	text string
	line int
	// problem is reported only if the setting is taken from the file.
	problem error
}

// origin is where a value comes from.
type origin struct {
	place string // such as "credenza.yaml:3: "; empty for the environment
	name  string // of the setting in that place
}

// SettingError is a problem with what the settings file or the environment says.
// The command line, which kong's errors are about, is not to blame for it.
type SettingError struct {
	text string
}

// Error returns one line with the file and the line, or the variable.
func (e *SettingError) Error() string { return e.text }

func settingError(format string, args ...any) error {
	return &SettingError{fmt.Sprintf(format, args...)}
}

// Validate has nothing to check before the file is known.
func (r *Resolver) Validate(*kong.Application) error { return nil }

// Resolve returns the file's value for the flag, or nil. kong asks for flags that
// are not on the command line.
func (r *Resolver) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if name := inEnvironment(flag, func(v string) bool { return v != "" }); name != "" {
		r.origins[flag.Name] = origin{name: name}
		return nil, nil
	}
	if flag.Name == "config" {
		return nil, nil
	}
	if err := r.load(configPath(ctx)); err != nil {
		return nil, err
	}
	if e, ok := r.values[yamlName(flag.Name)]; ok {
		if e.problem != nil {
			return nil, e.problem
		}
		r.origins[flag.Name] = origin{fmt.Sprintf("%s:%d: ", r.path, e.line), yamlName(flag.Name)}
		return e.text, nil
	}
	if inEnvironment(flag, func(v string) bool { return v == "" }) != "" {
		return unset(flag), nil
	}
	return nil, nil
}

// Explain returns a *SettingError in place of an error about settings that the
// file or the environment has set, and any other error as it is. Errors of kong,
// of Validate and of Start begin with the setting's name, by which it knows them.
func (r *Resolver) Explain(err error) error {
	if e, ok := errors.AsType[*SettingError](err); ok {
		return e // without the flag that kong was looking for when the file was read
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text, ok := r.locate(e.Error()); ok {
			return &SettingError{text}
		}
	}
	return err
}

// locate puts the place in front of a text that begins with a setting's name, and
// names settings as that place does.
func (r *Resolver) locate(text string) (string, bool) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "--"), " (from envar ")
	subject, _, _ := strings.Cut(text, ":")
	words := strings.Fields(subject)
	if len(words) == 0 || !slices.Contains(knownSettings(), yamlName(words[0])) {
		return "", false
	}
	place, found := "", false
	for _, word := range words {
		o, ok := r.origins[word]
		if !ok {
			continue
		}
		found = true
		place = cmp.Or(place, o.place)
		text = strings.Replace(text, word, o.name, 1)
	}
	return place + text, found
}

func (r *Resolver) load(path string) error {
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

// inEnvironment returns the flag's variable that is there with a value that fits,
// empty for none.
func inEnvironment(flag *kong.Flag, fits func(string) bool) string {
	for _, name := range flag.Envs {
		if value, ok := os.LookupEnv(name); ok && fits(value) {
			return name
		}
	}
	return ""
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

// SettingNames returns the flags of all settings, without dashes in front.
func SettingNames() []string {
	var names []string
	for _, flag := range kong.Must(&Config{}).Model.Flags {
		if flag.Name != "help" {
			names = append(names, flag.Name)
		}
	}
	return names
}

// knownSettings are the YAML names of the settings that a file can hold.
func knownSettings() []string {
	var names []string
	for _, name := range SettingNames() {
		if name != "config" {
			names = append(names, yamlName(name))
		}
	}
	return names
}

// readFile returns the settings of a YAML file as text, lists with commas.
func readFile(path string, known []string) (map[string]entry, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, settingError("the settings file cannot be read: %v", err)
	}
	top, err := document(path, data)
	if err != nil || top == nil {
		return nil, err
	}
	if top.Kind != yaml.MappingNode {
		return nil, settingError("%s:%d: settings are `name: value` lines", path, top.Line)
	}
	values, seen := map[string]entry{}, map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if !slices.Contains(known, key.Value) {
			return nil, settingError("%s:%d: unknown setting %q%s", path, key.Line, key.Value, nearest(key.Value, known))
		}
		if seen[key.Value] {
			return nil, settingError("%s:%d: the setting %q is there twice", path, key.Line, key.Value)
		}
		seen[key.Value] = true
		if isNull(value) {
			continue
		}
		text, err := textOf(key.Value, value)
		if err != nil {
			return nil, settingError("%s:%d: %s: %v", path, value.Line, key.Value, err)
		}
		values[key.Value] = entry{text, key.Line, problemOf(path, key.Value, value)}
	}
	return values, nil
}

// document returns what the file's one YAML document holds, nil for nothing.
func document(path string, data []byte) (*yaml.Node, error) {
	var doc, next yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, noYAML(path, err)
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		return nil, settingError("%s:%d: a second YAML document begins here: put all settings into one", path, next.Line)
	case !errors.Is(err, io.EOF):
		return nil, noYAML(path, err)
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return nil, nil
	}
	return doc.Content[0], nil
}

// noYAML names the place alone, since YAML's own error may quote a key.
func noYAML(path string, err error) error {
	place := path
	if line := yamlLine(err); line > 0 {
		place = fmt.Sprintf("%s:%d", path, line)
	}
	return settingError("%s: this is no YAML: see that brackets and quotes are closed, and that lines are indented alike", place)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// textOf is a setting's value as its flag takes it. Key groups and profiles are YAML there
// too.
func textOf(setting string, n *yaml.Node) (string, error) {
	if setting != "key_groups" && setting != "profile" {
		return scalar(n)
	}
	text, err := yaml.Marshal(n)
	return string(text), err
}

// problemOf finds what is wrong with key groups while their lines in the file are
// known; the flag sees a text of its own.
func problemOf(path, setting string, n *yaml.Node) error {
	if setting != "key_groups" {
		return nil
	}
	if _, _, p := readGroups(n); p != nil {
		return settingError("%s:%d: %s: %s", path, p.line, setting, p.text)
	}
	return nil
}

func scalar(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		parts := make([]string, len(n.Content))
		for i, c := range n.Content {
			if c.Kind != yaml.ScalarNode || isNull(c) {
				return "", errors.New("give a list of plain values")
			}
			parts[i] = c.Value
		}
		return strings.Join(parts, ","), nil
	default:
		return "", errors.New("give a plain value or a list")
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
