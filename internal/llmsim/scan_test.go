package llmsim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzRead holds the scanner to encoding/json: what that takes, the scanner
// takes, and it finds the same last user message.
func FuzzRead(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a \"b\" \\ \u00e9 \ud83d\udecb"}]}`,
		`{"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}],"role":"user"}],"model":"m"}`,
		`{"model":"m","messages":[{"role":"user","content":null},{"role":"assistant"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"a":[{}]}}}}`,
		`{"model":"m","messages":[{}],"logprobs":true,"top_logprobs":3,"max_tokens":-1.5e3,"x":[[],{},null]}`,
		`{"model":"m","response_format":null,"messages":[{"role":"user","content":"a"}],"stream":null}`,
		"{\"model\" :\t\"m\"\n,\"messages\":[ ] }", `{`, ``, `{"a`, `{"a":"\`, `[]`, `{"model":"\ud83d"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var r reader
		failed := r.read([]byte(body), 765)
		want, ok := decode(body)
		if !ok {
			return
		}
		if failed == errBadJSON {
			t.Fatalf("%q is valid and was refused", body)
		}
		if n := len(want.Messages); failed == nil && n > 0 && want.Messages[n-1].Role == "user" {
			if text, _ := want.Messages[n-1].Content.(string); string(r.text) != text {
				t.Errorf("%q: read %q, want %q", body, r.text, text)
			}
		}
	})
}

type request struct {
	Model    string
	Messages []struct {
		Role    string
		Content any
	}
	ResponseFormat struct {
		Type       string
		JSONSchema struct{ Name string } `json:"json_schema"`
	} `json:"response_format"`
}

// decode reads a body with encoding/json, and reports whether the scanner has to
// agree. It has not to on what clients do not send: names with escapes, in
// another case or twice, parts that are no objects, texts that are not UTF-8. Text
// with escapes is FuzzUnescape's part.
func decode(body string) (r request, ok bool) {
	names := []string{"model", "messages", "role", "content", "response_format", "type", "json_schema", "name"}
	if json.Unmarshal([]byte(body), &r) != nil || !utf8.ValidString(body) || strings.HasPrefix(strings.TrimSpace(body), "n") {
		return r, false
	}
	for _, name := range names {
		exact := strings.Count(body, `"`+name+`"`)
		if exact != strings.Count(strings.ToLower(body), name) || exact > 1 && (len(r.Messages) < exact || name != "role" && name != "content") {
			return r, false
		}
	}
	for _, m := range r.Messages {
		if _, text := m.Content.(string); !text && m.Content != nil {
			return r, false
		}
	}
	return r, !strings.Contains(body, `\u`)
}

// FuzzRaw checks that every valid value is read whole.
func FuzzRaw(f *testing.F) {
	for _, value := range []string{`{"a":[1,"]}\"",{}]} `, `"\\"`, `-1e9`, ` null`, `[[[[`, `"`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s := scanner{text: []byte(value)}
		raw, err := s.raw()
		if !json.Valid([]byte(value)) {
			return
		}
		if err != nil || s.end() != nil || string(raw) != strings.Trim(value, " \t\r\n") {
			t.Errorf("%q: read %q, %v", value, raw, err)
		}
	})
}

func FuzzUnescape(f *testing.F) {
	for _, text := range []string{`a`, `\"\\\/\b\f\n\r\t`, `\u00e9\ud83d\udecb`, `\ud83d`, `\ud83dx`, `\ud83d\u0041`, `\u12`, `\`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := string(unescape(nil, []byte(text)))
		var want string
		if !utf8.ValidString(text) || json.Unmarshal([]byte(`"`+text+`"`), &want) != nil {
			return
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+string(appendEscaped(nil, []byte(got)))+`"`), &back); err != nil || back != got {
			t.Errorf("%q came back as %q, %v", got, back, err)
		}
	})
}

// FuzzSchema checks that whatever compiles gives valid JSON, whose tokens join to it.
func FuzzSchema(f *testing.F) {
	for _, schema := range []string{
		`{"type":"object","properties":{"a":{"enum":["x","y z_é"]},"b":{"$ref":"#"}}}`,
		`{"type":["array","null"],"items":{"type":"number","exclusiveMinimum":0.5},"maxItems":3}`,
		`{"type":"string","pattern":"^(a|[^b]+){2}\\w*$"}`, `{"$ref":"#"}`, `{"anyOf":[{"$ref":"#"},{"const":1}]}`,
		`{"type":"integer","multipleOf":3,"minimum":-1e300,"maximum":1e300}`, `true`,
	} {
		f.Add(schema, uint64(1))
	}
	f.Fuzz(func(t *testing.T, schema string, subject uint64) {
		if len(schema) > 500 {
			return // large counts make large instances: slow, and nothing new
		}
		root, err := compile([]byte(schema), false)
		if err != nil {
			return
		}
		var in instance
		in.fill(root, subject)
		if utf8.ValidString(schema) && !json.Valid(in.text) {
			t.Fatalf("%s gives %s", schema, in.text)
		}
		var got struct {
			Content []struct{ Token string }
		}
		if err := json.Unmarshal(appendLogprobs(nil, in.text, in.spans, subject, 2), &got); err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		joined := ""
		for _, token := range got.Content {
			joined += token.Token
		}
		if utf8.Valid(in.text) && joined != string(in.text) {
			t.Errorf("tokens join to %s, want %s", joined, in.text)
		}
	})
}

func TestHistogramIsWithinAPercent(t *testing.T) {
	for d := time.Duration(1); d < time.Hour; d += 1 + d/7 {
		if got := time.Duration(middle(bucketOf(uint64(d)))); got < d-d/100-1 || got > d+d/100+1 {
			t.Fatalf("%v is counted as %v", d, got)
		}
	}
}
