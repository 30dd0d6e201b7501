package llmsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
)

// node is a schema made ready for instances.
type node struct {
	kind     kind
	nullable bool

	choices [][]byte // enum or const: the JSON texts, compact
	options []*node  // anyOf, oneOf: the alternatives

	keys  [][]byte // object: the members' names as JSON texts, in the schema's order
	nodes []*node

	items      *node // array
	minItems   int
	maxItems   int
	leastItems int // what the schema itself asks for; minItems is 1 where it asks nothing

	low, high float64 // numbers, both ends included
	step      float64 // multipleOf, 0: none

	minLength int
	maxLength int
	format    string
	pattern   *syntax.Regexp
}

type kind uint8

const (
	kindString kind = iota
	kindObject
	kindArray
	kindInteger
	kindNumber
	kindBoolean
	kindNull
	kindChoice
	kindOption
)

var kindNames = map[string]kind{
	"string": kindString, "object": kindObject, "array": kindArray, "integer": kindInteger,
	"number": kindNumber, "boolean": kindBoolean, "null": kindNull,
}

// document is a schema as written.
type document struct {
	Type                 json.RawMessage            `json:"type"`
	Enum                 []json.RawMessage          `json:"enum"`
	Const                json.RawMessage            `json:"const"`
	AnyOf                []json.RawMessage          `json:"anyOf"`
	OneOf                []json.RawMessage          `json:"oneOf"`
	AllOf                []json.RawMessage          `json:"allOf"`
	Ref                  string                     `json:"$ref"`
	Defs                 map[string]json.RawMessage `json:"$defs"`
	Definitions          map[string]json.RawMessage `json:"definitions"`
	Properties           json.RawMessage            `json:"properties"`
	Required             []string                   `json:"required"`
	AdditionalProperties json.RawMessage            `json:"additionalProperties"`
	Items                json.RawMessage            `json:"items"`
	MinItems             *int                       `json:"minItems"`
	MaxItems             *int                       `json:"maxItems"`
	Minimum              *float64                   `json:"minimum"`
	Maximum              *float64                   `json:"maximum"`
	ExclusiveMinimum     *float64                   `json:"exclusiveMinimum"`
	ExclusiveMaximum     *float64                   `json:"exclusiveMaximum"`
	MultipleOf           *float64                   `json:"multipleOf"`
	MinLength            *int                       `json:"minLength"`
	MaxLength            *int                       `json:"maxLength"`
	Format               string                     `json:"format"`
	Pattern              string                     `json:"pattern"`
}

// compiler turns one document into nodes. Nodes behind a $ref are shared, so
// that a schema may refer to itself.
type compiler struct {
	strict bool
	defs   map[string]json.RawMessage
	refs   map[string]*node
	depth  int
}

// maxSchemaDepth bounds the nesting of a schema.
const maxSchemaDepth = 64

// compile reads a schema. A strict one must also keep the provider's rules for
// strict mode: every object names all its members as required and allows no others.
func compile(raw []byte, strict bool) (*node, error) {
	var head document
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("schema must be a JSON object: %w", err)
	}
	c := &compiler{strict: strict, defs: make(map[string]json.RawMessage), refs: make(map[string]*node)}
	for name, d := range head.Definitions {
		c.defs["#/definitions/"+name] = d
	}
	for name, d := range head.Defs {
		c.defs["#/$defs/"+name] = d
	}
	c.defs["#"] = raw
	return c.refer("#")
}

func (c *compiler) refer(name string) (*node, error) {
	if n, ok := c.refs[name]; ok {
		return n, nil
	}
	raw, ok := c.defs[name]
	if !ok {
		return nil, fmt.Errorf("$ref %q points nowhere", name)
	}
	n := new(node)
	c.refs[name] = n
	return n, c.fill(n, raw)
}

func (c *compiler) node(raw json.RawMessage) (*node, error) {
	n := new(node)
	return n, c.fill(n, raw)
}

func (c *compiler) fill(n *node, raw json.RawMessage) error {
	if c.depth++; c.depth > maxSchemaDepth {
		return fmt.Errorf("schema is nested deeper than %d", maxSchemaDepth)
	}
	defer func() { c.depth-- }()
	if s := string(raw); s == "true" || s == "{}" {
		n.setLengths(document{})
		return nil
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	options := slices.Concat(d.AnyOf, d.OneOf)
	switch {
	case d.Ref != "":
		target, err := c.refer(d.Ref)
		n.kind, n.options = kindOption, []*node{target}
		return err
	case len(d.Enum) > 0 || len(d.Const) > 0:
		return n.setChoices(d)
	case len(options) > 0:
		return c.fillOptions(n, options)
	case len(d.AllOf) == 1:
		return c.fill(n, d.AllOf[0])
	case len(d.AllOf) > 1:
		return fmt.Errorf("'allOf' is not permitted")
	}
	return c.fillType(n, d)
}

func (n *node) setChoices(d document) error {
	n.kind = kindChoice
	if len(d.Const) > 0 {
		d.Enum = []json.RawMessage{d.Const}
	}
	for _, raw := range d.Enum {
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return err
		}
		n.choices = append(n.choices, compact.Bytes())
	}
	return nil
}

func (c *compiler) fillOptions(n *node, options []json.RawMessage) error {
	n.kind = kindOption
	for _, raw := range options {
		option, err := c.node(raw)
		if err != nil {
			return err
		}
		n.options = append(n.options, option)
	}
	return nil
}

func (c *compiler) fillType(n *node, d document) error {
	names, err := typeNames(d)
	if err != nil {
		return err
	}
	n.kind = kindNull
	for _, name := range slices.Backward(names) {
		k, ok := kindNames[name]
		switch {
		case !ok:
			return fmt.Errorf("%q is not a type", name)
		case k == kindNull:
			n.nullable = len(names) > 1
		default:
			n.kind = k
		}
	}
	switch n.kind {
	case kindObject:
		return c.fillObject(n, d)
	case kindArray:
		return c.fillArray(n, d)
	case kindInteger, kindNumber:
		return n.setRange(d)
	case kindString:
		return n.setString(d)
	default: // nothing more to know
		return nil
	}
}

// typeNames returns what "type" says, or what the other keywords imply.
func typeNames(d document) ([]string, error) {
	var one string
	var many []string
	switch {
	case len(d.Type) == 0 && len(d.Properties) > 0:
		one = "object"
	case len(d.Type) == 0 && len(d.Items) > 0:
		one = "array"
	case len(d.Type) == 0:
		one = "string"
	case d.Type[0] == '[':
		err := json.Unmarshal(d.Type, &many)
		if err == nil && len(many) == 0 {
			err = fmt.Errorf("'type' is an empty list")
		}
		return many, err
	default:
		if err := json.Unmarshal(d.Type, &one); err != nil {
			return nil, err
		}
	}
	return []string{one}, nil
}

func (c *compiler) fillObject(n *node, d document) error {
	if c.strict && strings.TrimSpace(string(d.AdditionalProperties)) != "false" {
		return fmt.Errorf("'additionalProperties' is required to be supplied and to be false")
	}
	if len(d.Properties) == 0 {
		return nil
	}
	s := scanner{text: d.Properties}
	return s.object(func(key []byte) error {
		name := string(unescape(nil, key))
		if c.strict && !slices.Contains(d.Required, name) {
			return fmt.Errorf("'required' is required to be supplied and to be an array including every key in properties; missing '%s'", name)
		}
		raw, err := s.raw()
		if err != nil {
			return err
		}
		member, err := c.node(raw)
		if err != nil {
			return fmt.Errorf("property '%s': %w", name, err)
		}
		n.keys = append(n.keys, slices.Concat([]byte{'"'}, key, []byte{'"'}))
		n.nodes = append(n.nodes, member)
		return nil
	})
}

func (c *compiler) fillArray(n *node, d document) (err error) {
	n.items = &node{}
	n.items.setLengths(document{})
	if len(d.Items) > 0 {
		if n.items, err = c.node(d.Items); err != nil {
			return err
		}
	}
	if d.MinItems != nil {
		n.leastItems = *d.MinItems
	}
	n.minItems, n.maxItems, err = bounds("Items", d.MinItems, d.MaxItems, 1, 2)
	return err
}
