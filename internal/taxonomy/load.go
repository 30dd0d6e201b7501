package taxonomy

import (
	"bytes"
	_ "embed" // for the built-in file
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/credenza-dev/credenza/internal/fault"
)

// MaxFileBytes is the largest size of a file, in bytes.
const MaxFileBytes = 4 << 20

const builtinName = "furniture.yaml"

//go:embed furniture.yaml
var builtin []byte

// Builtin returns the text of the built-in file.
func Builtin() []byte { return bytes.Clone(builtin) }

//go:embed template.yaml
var template []byte

// Template returns a file with comments for users to fill in. It is valid as it is.
func Template() []byte { return bytes.Clone(template) }

// Load reads and checks the file at path; an empty path means the built-in file.
// The error is a *fault.Fault whose text has one line for each problem.
func Load(path string) (*Taxonomy, error) {
	if path == "" {
		return Parse(builtinName, builtin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Parse(filepath.Base(path), data)
}

func unreadable(path string, err error) error {
	why := err
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		why = pathErr.Err
	}
	return fault.Wrap(err, fault.InvalidRequest,
		"the taxonomy file %s cannot be read (%v): correct the path, or omit it to use the built-in taxonomy", path, why)
}

// Parse checks the content of a file; the name is for messages only. The error is a
// *fault.Fault of reason InvalidRequest. Its message has one line for each problem,
// sorted by line: "name:line: the problem: how to correct it". Its violations are
// the same, one for each problem.
func Parse(name string, data []byte) (*Taxonomy, error) {
	problems := &problems{file: name}
	if root := document(data, problems); root != nil {
		t := read(root, problems)
		if problems.empty() {
			var err error
			if t.Version, err = t.version(); err != nil {
				return nil, fault.From(err)
			}
			return t, nil
		}
	}
	return nil, problems.fault()
}

// document returns the file's one YAML document, or nil and a problem.
func document(data []byte, problems *problems) *yaml.Node {
	if len(data) > MaxFileBytes {
		problems.add(1, "the file is larger than %d bytes: shorten it", MaxFileBytes)
		return nil
	}
	if _, valid, err := transform.Bytes(encoding.UTF8Validator, data); err != nil {
		problems.add(1+bytes.Count(data[:valid], []byte{'\n'}), "the file is not UTF-8 here: save it as UTF-8")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, more yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF), err == nil && len(root.Content) == 0:
		problems.add(1, "the file is empty: begin with \"version: %d\"", formatVersion)
		return nil
	case err != nil:
		problems.addSyntax(err)
		return nil
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		line := more.Line
		if err != nil {
			problems.addSyntax(err)
			return nil
		}
		problems.add(line, "a second document begins here: keep everything in one document")
		return nil
	}
	return root.Content[0]
}

// syntaxLine finds the line number in the message of a YAML error, its only place.
var syntaxLine = regexp.MustCompile(`line (\d+): `)

func (p *problems) addSyntax(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := syntaxLine.FindStringSubmatchIndex(text); m != nil {
		line, _ = strconv.Atoi(text[m[2]:m[3]]) // only digits match
		text = text[:m[0]] + text[m[1]:]
	}
	text, _, _ = strings.Cut(text, "\n")
	p.add(line, "this is not YAML (%s): check indentation, quotes and brackets at this line and before it", text)
}
