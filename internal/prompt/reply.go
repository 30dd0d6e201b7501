package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Limits of the search for the answer in a reply.
const (
	maxReplyBytes = 64 << 10
	// maxPlaces bounds the number of places where a value is searched for, and so the
	// time for a reply full of braces.
	maxPlaces = 64
	// maxDepth is how far in the answer may stand: in a result, in a list, as a string.
	maxDepth = 4
	// maxNesting is how deep an object in JSON may be. It is well over maxDepth, so that an answer
	// that stands too far in is not found by beginning further in.
	maxNesting = 32
)

// What follows the end of the model's turn, or a question, is an answer to a question that the
// model has made up, if its server does not stop it.
var (
	turnEnds = regexp.MustCompile(`<\|(?:im_end|eot_id|endoftext|end_of_text|eom_id)\|>|<end_of_turn>|</s>|<｜end▁of▁sentence｜>`)
	question = regexp.MustCompile(`<product>`)
	// echo matches the product of the question itself, which may have attributes in JSON, and not an
	// answer between its marks.
	echo = regexp.MustCompile(`(?s)<product>\s*[^{\[\s].*?\n\s*</product>`)
)

// upTo returns a text up to the first match, if there may be an answer before it.
func upTo(match *regexp.Regexp, text string) string {
	if at := match.FindStringIndex(text); at != nil && strings.Contains(text[:at[0]], "{") {
		return text[:at[0]]
	}
	return text
}

// readReply returns the one answer in a reply: a JSON object with a category. It may
//   - stand after thoughts, in a code fence, and in prose,
//   - be a member of another object, an element of a list, or encoded as a string,
//   - end with a comma too many, in itself and in its lists,
//   - have line breaks and other control characters in its texts,
//   - be written as in Python or YAML: with single quotes, names without quotes, NaN,
//   - have a member twice: in JSON, the last of the same spelling counts; in other spellings
//     and in what is nearly JSON, they must be the same,
//   - lack its last brace, or its first one at the very beginning,
//   - have names in other spellings ("primaryStyle"),
//   - be there several times, if category and styles are the same each time: the last one counts.
//
// If it may break off, the text may also end in the middle of the answer, of which the last
// member is left out then.
func readReply(reply string, mayBreakOff bool) (wire, error) {
	if len(reply) > maxReplyBytes {
		return wire{}, malformed("it has %d bytes, at most %d are allowed", len(reply), maxReplyBytes)
	}
	reply = strings.TrimSpace(reply)
	if strings.HasPrefix(reply, "{") { // as it should be, and as it mostly is
		var w wire
		if json.Unmarshal([]byte(reply), &w) == nil && w.Category != "" && w.PrimaryStyle != "" {
			return w, nil
		}
	}
	reply = upTo(turnEnds, reply)
	reply = withoutThoughts(reply)
	if at := echo.FindStringIndex(reply); at != nil && !strings.Contains(reply[:at[0]], "{") && strings.Contains(reply[at[1]:], "{") {
		reply = reply[at[1]:] // the answer follows
	}
	reply = upTo(question, reply)
	if reply == "" {
		return wire{}, malformed("it is empty")
	}
	s := search{mayBreakOff: mayBreakOff}
	s.text(reply, 0)
	if len(s.answers) == 0 {
		s.text(mended(reply), 0)
	}
	if len(s.answers) == 0 {
		reply = unescaped.Replace(reply)
		if at := braceMissing.FindStringSubmatchIndex(reply); at != nil {
			reply = "{" + reply[at[2]:]
		}
		s.nearly(reply)
	}
	return s.result()
}

// search collects the different answers in a text.
type search struct {
	answers       []wire
	contradiction bool  // an answer has different values for one member
	failure       error // why something that looked like an answer is none
	lenient       bool  // what is nearly JSON is searched
	mayBreakOff   bool
}

func (s *search) result() (wire, error) {
	switch {
	case s.contradiction:
		return wire{}, malformed("it has different values for one member")
	case len(s.answers) == 1:
		return s.answers[0], nil
	case len(s.answers) > 1:
		return wire{}, malformed("it has %d different answers instead of one", len(s.answers))
	}
	f := malformed("it has no JSON object with a category")
	if s.failure != nil {
		f = fault.Wrap(s.failure, f.Reason, "%s", f.Message)
	}
	return wire{}, f
}

// text searches a text for objects, or, if it is a JSON string, what that holds.
func (s *search) text(text string, depth int) {
	if depth > maxDepth {
		return
	}
	if text = strings.TrimSpace(text); strings.HasPrefix(text, `"`) {
		var inner string
		if json.Unmarshal([]byte(text), &inner) == nil {
			s.text(inner, depth+1)
			return
		}
	}
	var list []json.RawMessage
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &list) == nil {
		for _, element := range list {
			s.text(string(element), depth+1)
		}
		return
	}
	rest := []byte(text)
	for range maxPlaces {
		at := bytes.IndexByte(rest, '{')
		if at < 0 {
			return
		}
		rest = rest[at:]
		n := objectLen(rest)
		var object json.RawMessage
		if err := json.Unmarshal(rest[:n], &object); err != nil {
			s.failure = err
			switch {
			case !beginsAnswer(rest):
				rest = rest[1:]
			case n == 0:
				return
			default:
				rest = rest[n:]
			}
			continue
		}
		s.object(object, depth)
		rest = rest[n:]
	}
}

// objectLen returns the length of the object that a text begins with, by its brackets; 0 if
// it has no end, or is nested too deep. A JSON decoder that finds the end itself takes
// megabytes for brackets that are never closed.
func objectLen[T string | []byte](text T) int {
	depth, quoted := 0, false
	for i := 0; i < len(text) && depth <= maxNesting; i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// object takes an object for the answer, or searches its members.
func (s *search) object(object json.RawMessage, depth int) {
	var w wire
	err := json.Unmarshal(object, &w)
	switch {
	case err == nil && w.Category != "" && w.PrimaryStyle != "":
		s.add(w)
		return
	case err != nil && !errors.Is(err, errContradiction):
		s.failure = err
		return
	}
	members := membersOf(object)
	named := members
	if !s.lenient {
		named = latest(members)
	}
	w = wire{}
	err = json.Unmarshal(respelled(named), &w)
	switch {
	case err != nil && slices.ContainsFunc(named, member.isCategory):
		s.contradiction = true
		return
	case err != nil:
		s.failure = err
	case w.Category != "":
		s.add(w)
		return
	}
	for _, m := range members {
		if bytes.IndexByte(m.value, '{') >= 0 {
			s.text(string(m.value), depth+1)
		}
	}
}

// unescaped has the characters of JSON for what stands for them: in JSON that was escaped once
// more, by gateways or for HTML, in typesetting, and in the wide forms of Chinese and Japanese.
var unescaped = strings.NewReplacer(`\"`, `"`, `\n`, "\n", `\r`, " ", `\t`, " ", "&quot;", `"`, "“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`,
	"：", ":", "，", ",", "｛", "{", "｝", "}", "［", "[", "］", "]", "＂", `"`, "\u00a0", " ", "\u3000", " ", "\u200b", "", "\ufeff", "")

// braceMissing matches an answer of which the first brace is missing: it was the beginning
// that the server gave the model.
var braceMissing = regexp.MustCompile("^(?:```)?(?:json)?\\s*([\"']?(?i:category)[\"']?\\s*:)")

// nearly searches a text for objects that are nearly JSON: see lenient.
func (s *search) nearly(text string) {
	s.lenient = true
	r := lenient{mayBreakOff: s.mayBreakOff}
	for range maxPlaces {
		at := strings.IndexByte(text, '{')
		if at < 0 {
			return
		}
		object, n := r.object(text[at:])
		if object == nil {
			skip := 1
			if beginsAnswer(text[at:]) {
				if skip = objectLen(text[at:]); skip == 0 {
					return
				}
			}
			text = text[at+skip:]
			continue
		}
		s.object(object, 0)
		text = text[at+n:]
	}
}

// member is a member of an object.
type member struct {
	name  string
	value json.RawMessage
}

func (m member) isCategory() bool { return memberNames[fold(m.name)] == "category" }

// membersOf returns an object's members in their order, also those of the same name.
func membersOf(object json.RawMessage) (members []member) {
	d := json.NewDecoder(bytes.NewReader(object))
	if brace, err := d.Token(); err != nil || brace != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		m := member{name: name.(string)} // nothing else may stand there
		if d.Decode(&m.value) != nil {
			return nil
		}
		members = append(members, m)
	}
	return members
}

// latest returns the last member of each name, which counts in JSON.
func latest(members []member) []member {
	seen := make(map[string]bool, len(members))
	var last []member
	for _, m := range slices.Backward(members) {
		if !seen[m.name] {
			seen[m.name] = true
			last = append(last, m)
		}
	}
	return last
}

// respelled returns an object whose members have the names that were asked for, where theirs
// differ in case, underscores, hyphens or spaces. If several have one name then, decoding
// decides if they agree.
func respelled(members []member) json.RawMessage {
	object := []byte{'{'}
	for _, m := range members {
		asked, ok := memberNames[fold(m.name)]
		if !ok {
			continue
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(appendString(object, asked), ':')
		object = append(object, m.value...)
	}
	return append(object, '}')
}

// memberNames are the names of an answer's members, by how they fold.
var memberNames = func() map[string]string {
	names := map[string]string{}
	for t, i := reflect.TypeFor[wire](), 0; i < t.NumField(); i++ {
		name := t.Field(i).Tag.Get("json")
		names[fold(name)] = name
	}
	return names
}()

// add keeps an answer, of several that say the same the last one. What repeats the form that
// was asked for, with dots for a category, is none.
func (s *search) add(w wire) {
	if !strings.ContainsFunc(string(w.Category), unicode.IsLetter) && !strings.ContainsFunc(string(w.Category), unicode.IsDigit) {
		return
	}
	for i := range s.answers {
		if s.answers[i].agrees(&w) {
			s.answers[i] = w
			return
		}
	}
	s.answers = append(s.answers, w)
}

// mended leaves out the commas before closing brackets that stand in no string, and puts
// spaces for the control characters that stand in one.
func mended(text string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ',' && closes(text[i+1:]):
			continue
		case quoted && c < ' ':
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func closes(rest string) bool {
	rest = strings.TrimLeft(rest, " \t\r\n")
	return rest != "" && (rest[0] == '}' || rest[0] == ']')
}

// beginsAnswer reports whether an object that cannot be read has a category of its own. What
// stands in it, such as alternatives, is not the answer then.
func beginsAnswer[T string | []byte](object T) bool {
	const named = "category"
	for i := 1; i+len(named) <= len(object) && object[i] != '{'; i++ {
		if object[i]|0x20 == named[0] && strings.EqualFold(string(object[i:i+len(named)]), named) {
			return true
		}
	}
	return false
}
