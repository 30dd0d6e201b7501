package page

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzLenient checks that valid JSON is read as the standard says, and that any other
// text comes to an end.
func FuzzLenient(f *testing.F) {
	for _, text := range []string{
		`{"a": "b, \"c\": d", "e": [1, -2.5e3, true, null, {"f": {}}], "": "\u00fc\ud83d\ude00\/\n"}`,
		`["a","b"]`, `[[],{}]`, `{"a" "b"`, `{'a': "b" /* c */, d: }`, `["\ud800", "\u12"]`, `{"a":"b","a":"c"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := parseLenient(text)
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		if !json.Valid([]byte(text)) || d.Decode(&want) != nil {
			return
		}
		switch want.(type) {
		case []any, map[string]any:
		default:
			return
		}
		if deep(want, 0) || strings.ContainsRune(text, '\ufffd') || strings.Contains(text, `\u`) {
			return // surrogate halves and invalid UTF-8 are replaced differently
		}
		if diff := cmp.Diff([]any{strung(want)}, got); diff != "" {
			t.Errorf("%q (-JSON +lenient):\n%s", text, diff)
		}
	})
}

// strung writes numbers and literals as the lenient parser returns them.
func strung(v any) any {
	switch v := v.(type) {
	case []any:
		all := []any{}
		for _, e := range v {
			all = append(all, strung(e))
		}
		return all
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = strung(e)
		}
		return m
	case json.Number:
		return v.String()
	case bool:
		return map[bool]string{true: "true", false: "false"}[v]
	case nil:
		return "null"
	}
	return v
}

func deep(v any, depth int) bool {
	if depth > maxDepth-2 {
		return true
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if deep(e, depth+1) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if deep(e, depth+1) {
				return true
			}
		}
	}
	return false
}

func TestLenient_Escapes(t *testing.T) {
	got := parseLenient(`["\u00fc\ud83d\ude00\/\n", "\ud800x", "\u12"]`)
	want := []any{[]any{"ü😀/\n", "\ufffdx", "\ufffd12"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
