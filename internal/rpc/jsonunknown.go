package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/spelling"
)

// unknownKey returns a refusal that names the first key in JSON that its message does not
// have, nil if it finds none. It is for messages that are refused anyway, because it reads
// the JSON once more.
func unknownKey(data []byte, message protoreflect.MessageDescriptor) *refusal {
	s := keySearch{tokens: json.NewDecoder(bytes.NewReader(data))}
	s.tokens.UseNumber() // not every number fits a float
	s.message(message, "")
	return s.found
}

// keySearch looks for a key that its message does not have. Its methods read one value and
// return false when the search is over.
type keySearch struct {
	tokens *json.Decoder
	found  *refusal
}

func (s *keySearch) message(of protoreflect.MessageDescriptor, path string) bool {
	if !s.opens('{') {
		return false
	}
	for s.tokens.More() {
		token, _ := s.tokens.Token()
		key, ok := token.(string)
		if !ok {
			return false
		}
		field := fieldOf(of, key)
		if field == nil {
			s.found = unknownField(of, path, key)
			return false
		}
		if !s.value(field, within(path, string(field.Name()))) {
			return false
		}
	}
	return s.opens('}')
}

func (s *keySearch) value(field protoreflect.FieldDescriptor, path string) bool {
	inner := field.Message()
	switch {
	case inner == nil, field.IsMap(), inner.ParentFile().Package() == "google.protobuf":
		return s.skip()
	case !field.IsList():
		return s.message(inner, path)
	case !s.opens('['):
		return false
	}
	for i := 0; s.tokens.More(); i++ {
		if !s.message(inner, fmt.Sprintf("%s[%d]", path, i)) {
			return false
		}
	}
	return s.opens(']')
}

// opens reads one token and reports whether it is this one.
func (s *keySearch) opens(want json.Delim) bool {
	token, err := s.tokens.Token()
	return err == nil && token == want
}

func (s *keySearch) skip() bool {
	var value json.RawMessage
	return s.tokens.Decode(&value) == nil
}

// fieldOf returns the field of a key, which has either of its two spellings.
func fieldOf(message protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	if field := message.Fields().ByJSONName(key); field != nil {
		return field
	}
	return message.Fields().ByTextName(key)
}

// within returns the path of a field.
func within(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// maxKeyBytes is how much of a key is shown. A longer one is no misspelt name, and is not
// compared with any: that takes time by its length and that of each name.
const maxKeyBytes = 64

// unknownField returns the refusal of a key, with the name that the caller may have meant,
// or all that there are.
func unknownField(of protoreflect.MessageDescriptor, path, key string) *refusal {
	quoted := strconv.Quote(catalog.Clip(key, maxKeyBytes))
	said := fmt.Sprintf("unknown field %s of %s: ", quoted, of.FullName())
	names := make([]string, of.Fields().Len())
	for i := range names {
		names[i] = string(of.Fields().Get(i).Name())
	}
	switch near := nearest(key, names); {
	case near != "":
		said += "did you mean " + near + "?"
	case len(names) == 0:
		said += "send {}, it has no fields"
	default:
		said += "give one of " + strings.Join(names, ", ")
	}
	key = quoted[1 : len(quoted)-1]
	return &refusal{Reason: fault.InvalidRequest, Field: within(path, key), Text: said, Unlogged: key}
}

// nearest returns the name that a key was likely meant to be, empty for none: one that has
// the key or is in it, or that takes few edits.
func nearest(key string, names []string) string {
	const shortest = 3 // of a part of a name
	if len(key) > maxKeyBytes {
		return ""
	}
	key = plainName(key)
	best, least := "", 1+max(1, len(key)/shortest)
	for _, name := range names {
		plain := plainName(name)
		n := spelling.Distance(key, plain)
		if min(len(key), len(plain)) >= shortest && (strings.Contains(plain, key) || strings.Contains(key, plain)) {
			n = min(n, 1)
		}
		if n < least {
			best, least = name, n
		}
	}
	return best
}

func plainName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}
