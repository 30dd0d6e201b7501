package app

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/credenza-dev/credenza/internal/spelling"
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
	checked bool
	known   []string // variables
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

// Validate is kong's; it shows all commands, and so all variables that are known.
func (r *Resolver) Validate(app *kong.Application) error {
	return kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			r.known = append(r.known, flag.Envs...)
		}
		return next(nil)
	})
}

// Resolve returns the file's value for the flag, or nil. kong asks for flags that
// are not on the command line.
func (r *Resolver) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !r.checked {
		r.checked = true
		if err := r.check(ctx); err != nil {
			return nil, err
		}
	}
	if flag.Name == "config" || inEnvironment(flag, func(v string) bool { return v != "" }) != "" {
		return nil, nil
	}
	if e, ok := r.values[yamlName(flag.Name)]; ok {
		return e.text, nil
	}
	if inEnvironment(flag, func(v string) bool { return v == "" }) != "" {
		return unset(flag), nil
	}
	return nil, nil
}

// check finds all that is wrong with the file and the environment, as far as the command
// line does not overrule them.
func (r *Resolver) check(ctx *kong.Context) error {
	var problems []error
	r.path = configPath(ctx)
	if r.path != "" {
		r.values, problems = readFile(r.path, knownSettings())
	}
	overruled := map[string]bool{}
	for _, path := range ctx.Path {
		if path.Flag != nil {
			overruled[path.Flag.Name] = true
		}
	}
	for _, flag := range ctx.Flags() {
		if !overruled[flag.Name] {
			problems = append(problems, r.checkFlag(flag))
		}
	}
	if errors.Join(problems...) != nil {
		problems = append(problems, r.checkRanges(ctx))
	}
	return errors.Join(problems...)
}

// checkFlag records where a flag's value comes from, and finds whether it can be read.
func (r *Resolver) checkFlag(flag *kong.Flag) error {
	from, text := origin{}, ""
	e, inFile := r.values[yamlName(flag.Name)]
	if name := inEnvironment(flag, func(v string) bool { return v != "" }); name != "" {
		from, text = origin{name: name}, os.Getenv(name)
	} else if inFile && flag.Name != "config" {
		if e.problem != nil {
			return e.problem
		}
		from, text = origin{fmt.Sprintf("%s:%d: ", r.path, e.line), yamlName(flag.Name)}, e.text
	} else {
		return nil
	}
	r.origins[flag.Name] = from
	if err := decode(flag, text, reflect.New(flag.Target.Type()).Elem()); err != nil {
		return settingError(flag.Name, "%s%s", from.place, PlainValueError(fmt.Sprintf("%s: %v", from.name, err)))
	}
	return nil
}

// decode reads a flag's value into a target.
func decode(flag *kong.Flag, text string, target reflect.Value) error {
	scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text})
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target)
}

// checkRanges finds values out of their range, of the settings that the command has and
// that come from the file or the environment. With other problems kong does not get as
// far as that.
func (r *Resolver) checkRanges(ctx *kong.Context) error {
	var c Config
	here := map[string]bool{}
	for _, flag := range ctx.Flags() {
		here[flag.Name] = true
	}
	for _, flag := range kong.Must(&c).Model.Flags {
		text := flag.Default
		if name := r.origins[flag.Name].name; name != "" && here[flag.Name] {
			text = cmp.Or(os.Getenv(name), r.values[name].text)
		}
		if decode(flag, text, flag.Target) != nil { // which checkFlag has reported
			_ = decode(flag, flag.Default, flag.Target) // of some, none is no value
		}
	}
	var problems []error
	for _, e := range all[*WrongSetting](c.Validate()) {
		if !slices.ContainsFunc(e.names, func(name string) bool { return r.origins[name].name == "" }) {
			_, at := r.locate(e)
			problems = append(problems, at)
		}
	}
	return errors.Join(problems...)
}

// Explain returns *SettingErrors in place of errors about settings that the file or the
// environment has set, and any other error as it is.
func (r *Resolver) Explain(err error) error {
	var located []error
	for _, e := range all[*SettingError](err) {
		located = append(located, e) // without the flag for which kong had the file read
	}
	blamed := len(located) > 0
	for _, e := range all[*WrongSetting](err) {
		found, at := r.locate(e)
		located, blamed = append(located, at), blamed || found
	}
	if !blamed {
		return err
	}
	return errors.Join(located...)
}

// locate puts the place in front of the text, and names settings as that place does. Those
// that are set nowhere are named as in the file if the text is about it, else as flags. found
// is false if neither the file nor the environment has set any of them.
func (r *Resolver) locate(e *WrongSetting) (found bool, at error) {
	text, place := e.Error(), ""
	for _, name := range e.names {
		if o, ok := r.origins[name]; ok {
			place, found = cmp.Or(place, o.place), true
		}
	}
	if !found {
		return false, e
	}
	for _, name := range e.names {
		shown := "--" + name
		if o, ok := r.origins[name]; ok {
			shown = o.name
		} else if place != "" {
			shown = yamlName(name)
		}
		text = strings.Replace(text, name, shown, 1)
	}
	return true, &SettingError{e.Setting, place + text}
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

// unset returns the value of a flag that nothing sets.
func unset(flag *kong.Flag) any {
	if flag.IsBool() && !flag.HasDefault {
		return "false"
	}
	return flag.Default
}

func yamlName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// configPath returns the file's name from the command line, else the environment.
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

// readFile returns the settings of a YAML file as text, lists with commas, and all that
// is wrong with the file.
func readFile(path string, known []string) (values map[string]entry, problems []error) {
	report := func(setting, format string, args ...any) {
		problems = append(problems, settingError(strings.ReplaceAll(setting, "_", "-"), format, args...))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		report("", "the settings file cannot be read: %v", err)
		return nil, problems
	}
	top, err := document(path, data)
	if err != nil || top == nil {
		return nil, []error{err}
	}
	if top.Kind != yaml.MappingNode {
		report("", "%s:%d: settings are `name: value` lines", path, top.Line)
		return nil, problems
	}
	values, seen := map[string]entry{}, map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		name, twice := key.Value, seen[key.Value]
		seen[name] = true
		switch text, err := textOf(name, value); {
		case !slices.Contains(known, name):
			report("", "%s:%d: unknown setting %q%s", path, key.Line, name, nearest(name, known))
		case twice:
			report(name, "%s:%d: the setting %q is there twice", path, key.Line, name)
		case isNull(value):
		case err != nil:
			report(name, "%s:%d: %s: %v", path, value.Line, name, err)
		default:
			values[name] = entry{text, key.Line, problemOf(path, name, value)}
		}
	}
	return values, problems
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
		return nil, settingError("", "%s:%d: a second YAML document begins here: put all settings into one", path, next.Line)
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
	return settingError("", "%s: this is not YAML: check that brackets and quotes are closed, and that lines are indented alike", place)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// textOf returns a setting's value as its flag takes it. Key groups and profiles are YAML there
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
		return settingError("key-groups", "%s:%d: %s: %s", path, p.line, setting, p.text)
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
	if best := nearestOf(yamlName(strings.ToLower(unknown)), known); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": see `credenza serve --help` for the settings"
}

// nearestOf returns the known name that is most like a name, empty if none is like it.
func nearestOf(unknown string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int {
		return cmp.Compare(spelling.Distance(unknown, a), spelling.Distance(unknown, b))
	})
	if spelling.Distance(unknown, best) > max(2, len(best)/3) {
		return ""
	}
	return best
}
