package llmsim_test

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

type object = map[string]any

// conforms checks a value against a schema, both as encoding/json decodes them.
// It is written from JSON Schema's rules, and shares nothing with the generator.
func conforms(root, schema, value any) error {
	s, ok := schema.(object)
	if !ok {
		return nil
	}
	if ref, ok := s["$ref"].(string); ok {
		return conforms(root, resolve(root, ref), value)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.ContainsFunc(enum, func(e any) bool { return reflect.DeepEqual(e, value) }) {
		return fmt.Errorf("%v is not in %v", value, enum)
	}
	if c, ok := s["const"]; ok && !reflect.DeepEqual(c, value) {
		return fmt.Errorf("%v is not %v", value, c)
	}
	if options, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(options, func(o any) bool { return conforms(root, o, value) == nil }) {
		return fmt.Errorf("%v follows none of the alternatives", value)
	}
	all, _ := s["allOf"].([]any)
	for _, part := range all {
		if err := conforms(root, part, value); err != nil {
			return err
		}
	}
	if !hasType(s["type"], value) {
		return fmt.Errorf("%v is no %v", value, s["type"])
	}
	switch v := value.(type) {
	case object:
		return membersConform(root, s, v)
	case []any:
		return elementsConform(root, s, v)
	case string:
		return stringConforms(s, v)
	case float64:
		return numberConforms(s, v)
	}
	return nil
}

func resolve(root any, ref string) any {
	at := root
	for _, step := range strings.Split(ref, "/")[1:] {
		at = at.(object)[step]
	}
	return at
}

func hasType(types, value any) bool {
	if types == nil {
		return true
	}
	list, ok := types.([]any)
	if !ok {
		list = []any{types}
	}
	name := map[reflect.Kind]string{
		reflect.Map: "object", reflect.Slice: "array", reflect.String: "string",
		reflect.Float64: "number", reflect.Bool: "boolean", reflect.Invalid: "null",
	}[reflect.ValueOf(value).Kind()]
	if f, ok := value.(float64); ok && f == math.Trunc(f) && slices.Contains(list, any("integer")) {
		return true
	}
	return slices.Contains(list, any(name))
}

func membersConform(root any, s, v object) error {
	properties, _ := s["properties"].(object)
	for name, schema := range properties {
		member, ok := v[name]
		if !ok {
			return fmt.Errorf("%q is missing", name)
		}
		if err := conforms(root, schema, member); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if properties != nil && len(v) != len(properties) {
		return fmt.Errorf("%d members, want %d", len(v), len(properties))
	}
	return nil
}

func elementsConform(root any, s object, v []any) error {
	if least, ok := s["minItems"].(float64); ok && len(v) < int(least) {
		return fmt.Errorf("%d items, want at least %v", len(v), least)
	}
	if most, ok := s["maxItems"].(float64); ok && len(v) > int(most) {
		return fmt.Errorf("%d items, want at most %v", len(v), most)
	}
	for i, e := range v {
		if err := conforms(root, s["items"], e); err != nil {
			return err
		}
		if s["uniqueItems"] == true && slices.ContainsFunc(v[:i], func(o any) bool { return reflect.DeepEqual(o, e) }) {
			return fmt.Errorf("%v is there twice", e)
		}
	}
	return nil
}

func stringConforms(s object, v string) error {
	if least, ok := s["minLength"].(float64); ok && utf8.RuneCountInString(v) < int(least) {
		return fmt.Errorf("%q is shorter than %v", v, least)
	}
	if most, ok := s["maxLength"].(float64); ok && utf8.RuneCountInString(v) > int(most) {
		return fmt.Errorf("%q is longer than %v", v, most)
	}
	if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
		return fmt.Errorf("%q does not match %s", v, p)
	}
	if s["format"] == "date" && !regexp.MustCompile(`^\d{4}-\d\d-\d\d$`).MatchString(v) {
		return fmt.Errorf("%q is no date", v)
	}
	return nil
}

func numberConforms(s object, v float64) error {
	for keyword, holds := range map[string]func(limit float64) bool{
		"minimum":          func(limit float64) bool { return v >= limit },
		"maximum":          func(limit float64) bool { return v <= limit },
		"exclusiveMinimum": func(limit float64) bool { return v > limit },
		"exclusiveMaximum": func(limit float64) bool { return v < limit },
		"multipleOf":       func(step float64) bool { return v/step == math.Trunc(v/step) },
	} {
		if limit, ok := s[keyword].(float64); ok && !holds(limit) {
			return fmt.Errorf("%v is against %s %v", v, keyword, limit)
		}
	}
	return nil
}
