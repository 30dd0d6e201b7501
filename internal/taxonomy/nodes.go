package taxonomy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fields is a mapping's content by key.
type fields struct {
	what string
	line int
	keys map[string]*yaml.Node
}

// value returns the text of a key, empty if it is absent.
func (m *fields) value(key string) string {
	if node := m.keys[key]; node != nil {
		return node.Value
	}
	return ""
}

// entries returns the entries of a list, none if it is absent.
func (m *fields) entries(key string) []*yaml.Node {
	if node := m.keys[key]; node != nil {
		return node.Content
	}
	return nil
}

// mapping reads a node that must be a mapping with known keys only. It returns nil
// if the node is something else.
func (r reader) mapping(node *yaml.Node, what string, known ...string) *fields {
	if node.Kind != yaml.MappingNode {
		r.add(node.Line, "%s must be a list of \"key: value\" lines: its keys are %s", what, strings.Join(known, ", "))
		return nil
	}
	m := &fields{what, node.Line, map[string]*yaml.Node{}}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, val := node.Content[i], node.Content[i+1]
		_, twice := m.keys[key.Value]
		switch {
		case !slices.Contains(known, key.Value):
			r.add(key.Line, "the key %q is not known in %s: use %s", clip(key.Value), what, strings.Join(known, ", "))
		case twice:
			r.add(key.Line, "the key %q is there twice: remove one", key.Value)
		case val.Kind == yaml.AliasNode:
			// A few aliases can expand to gigabytes.
			r.add(val.Line, "aliases are not supported: write the value of %q out", key.Value)
		default:
			m.keys[key.Value] = val
		}
	}
	return m
}

// sequence returns the entries of an optional list, which must have between least
// and most of them.
func (r reader) sequence(m *fields, key string, least, most int) []*yaml.Node {
	node, ok := m.keys[key]
	if !ok {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		if node.Kind == yaml.ScalarNode && (node.Value == "" || node.Tag == "!!null") {
			r.add(node.Line, "%s is empty: give at least %d", key, least)
		} else {
			r.add(node.Line, "%s must be a list: write [a, b] or lines with \"- \"", key)
		}
		return nil
	}
	switch n := len(node.Content); {
	case n == 0:
		r.add(node.Line, "%s is empty: give at least %d", key, least)
	case n < least:
		r.add(node.Line, "%s has %d, at least %d are needed: add some", key, n, least)
	case n > most:
		r.add(node.Line, "%s has %d, at most %d are allowed: remove some", key, n, most)
		return nil
	}
	return node.Content
}
