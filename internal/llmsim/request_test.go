package llmsim

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// FuzzRead holds the reading of requests to encoding/json: it finds the same last
// user message, and takes what that takes.
func FuzzRead(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a \"b\" \\ \u00e9 \ud83d\udecb"}]}`,
		`{"messages":[{"content":"a","role":"user"},{"content":"b","role":"assistant"}],"model":"m"}`,
		`{"messages":[{"content":"s","role":"system"},{"name":"n","role":"user","content":"a"}],"model":"m"}`,
		`{"messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}],"role":"user"}],"model":"m"}`,
		`{"model":"m","messages":[{"role":"user","content":null},{"role":"assistant"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"a":[{}]}}}}`,
		`{"model":"m","messages":[{}],"logprobs":true,"top_logprobs":3,"max_tokens":-1.5e3,"x":[[],{},null]}`,
		`{"model":"m","response_format":null,"messages":[{"role":"user"}],"stream":null}`,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"role":"user","content":7}]}`,
		"{\"model\" :\t\"m\"\n,\"messages\":[ ] }", `{`, ``, `{"a`, `{"a":"\`, `[]`, `{"model":"\ud83d"}`, `"url":"data:`, `"role":"user"`,
	} {
		f.Add(body)
	}
	s, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := &call{body: []byte(body)}
		refused := c.read(s)
		want, ok := decode(body)
		if !ok {
			return
		}
		if refused == errBadJSON {
			t.Fatalf("%q is valid and was refused", body)
		}
		if n := len(want.Messages); refused == nil && n > 0 && want.Messages[n-1].Role == "user" {
			if text, _ := want.Messages[n-1].Content.(string); c.text != text {
				t.Errorf("%q: read %q, want %q", body, c.text, text)
			}
		}
	})
}

type sentRequest struct {
	Model    string
	Messages []struct {
		Role    string
		Content any
	}
}

// decode reads a body with encoding/json, and reports whether the simulator has
// to agree. It has not to on what clients do not send: names with escapes, in
// another case or twice, messages elsewhere, texts that are not UTF-8, single
// surrogates.
func decode(body string) (r sentRequest, ok bool) {
	if json.Unmarshal([]byte(body), &r) != nil || !utf8.ValidString(body) || strings.HasPrefix(strings.TrimSpace(body), "n") {
		return r, false
	}
	for _, name := range []string{"model", "messages", "role", "content"} {
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

// FuzzSchema checks that every template gives valid JSON, and that its tokens join
// to it.
func FuzzSchema(f *testing.F) {
	for _, schema := range []string{
		`{"properties":{"a":{"enum":["x","y z_é",null,1.5,""]},"b \"c\"":{"type":["string","null"]}}}`,
		`{"properties":{"a":{"type":"number"},"b":{"type":"array"},"c":{"type":"boolean"}}}`,
		`{"properties":{}}`, `true`,
	} {
		f.Add(schema, uint64(1))
	}
	f.Fuzz(func(t *testing.T, schema string, subject uint64) {
		if !gjson.Valid(schema) || !utf8.ValidString(schema) {
			return
		}
		made, err := newTemplate(gjson.Parse(schema), false)
		if err != nil {
			return
		}
		made.logprobs, made.topLogprobs = true, 2
		a := made.answer(subject)
		var text string
		if !json.Valid([]byte(a.text)) || json.Unmarshal([]byte(quoted(a.text)), &text) != nil || text != a.text {
			t.Fatalf("%s gives %s, as a string %s", schema, a.text, quoted(a.text))
		}
		var tokens []struct{ Token string }
		if err := json.Unmarshal([]byte("["+a.tokens+"]"), &tokens); err != nil {
			t.Fatalf("%s: %v in %s", schema, err, a.tokens)
		}
		joined := ""
		for _, token := range tokens {
			joined += token.Token
		}
		if joined != a.text {
			t.Errorf("tokens join to %s, want %s", joined, a.text)
		}
	})
}
