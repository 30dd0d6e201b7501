package app_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
)

// TestModelList has servers with and without a list of models: a model that is not on it, or
// not for long, costs one line of the log, and all else nothing.
func TestModelList(t *testing.T) {
	long := `{"data":[{"id":"other","description":"` + strings.Repeat("x", 1<<20) + `"}]}`
	for name, tc := range map[string]struct {
		list string
		want []string // in the one warning; none: there is no warning
	}{
		"listed":              {`{"data":[{"id":"gpt-6-luna"},{"id":"gpt-5"}]}`, nil},
		"not listed":          {`{"data":[{"id":"whisper-1"},{"id":"gpt-6-lunar"},{"id":"gpt-5"},{"id":"openai/gpt-6-luna"},{"id":"a"},{"id":"b"},{"id":"c"}]}`, []string{"does not list", `["gpt-6-lunar","openai/gpt-6-luna","gpt-5"`, `"model":"gpt-6-luna"`, `"host":"llmsim"`}},
		"a bare list":         {`[{"id":"meta/llama"}]`, []string{"does not list", `["meta/llama"]`}},
		"by another name":     {`{"data":[{"id":"gpt-6-luna-2026","aliases":["gpt-6-luna"]}]}`, nil},
		"as Ollama":           {`{"data":[{"id":"gpt-6-luna:latest"}]}`, nil},
		"as Gemini":           {`{"data":[{"id":"models/gpt-6-luna"}]}`, nil},
		"as LiteLLM":          {`{"data":[{"id":"gpt-*"}]}`, nil},
		"as llama.cpp":        {`{"data":[{"id":"qwen.gguf","owned_by":"llamacpp"}]}`, nil},
		"as Groq, at its end": {`{"data":[{"id":"gpt-6-luna","active":false},{"id":"x"}]}`, []string{"does not list", `["x"]`}},
		"with an end":         {`{"data":[{"id":"gpt-6-luna","shutdown_date":"2027-01-14"},{"id":"gpt-7"}]}`, []string{"shuts the model down", `"ends":"2027-01-14"`, `["gpt-7"]`}},
		"as OpenRouter":       {`{"data":[{"id":"gpt-6-luna","expiration_date":"2026-11-08"}]}`, []string{`"ends":"2026-11-08"`}},
		"as Mistral":          {`{"data":[{"id":"gpt-6-luna","deprecation":"2026-12-01T12:00:00Z","deprecation_replacement_model":"gpt-7"}]}`, []string{`"ends":"2026-12-01"`, `"successor":"gpt-7"`}},
		"as Azure":            {`{"data":[{"id":"gpt-6-luna","deprecation":{"inference":1751241600}}]}`, []string{`"ends":"2025-06-30"`}},
		"without an end":      {`{"data":[{"id":"gpt-6-luna","shutdown_date":null,"deprecation":null}]}`, nil},
		"an empty list":       {`{"object":"list","data":null}`, nil},
		"no such endpoint":    {"none", nil},
		"something else":      {`{"status":"ok"}`, nil},
		"a page":              {`<html><title>Welcome</title></html>`, nil},
		"half a list":         {`{"data":[{"id":"x"},{"id`, nil},
		"an endless list":     {long, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := buildWith(t, app.Options{CheckModels: true}, llmsim.Config{ModelList: tc.list}, "--openai-api-key=sk-0123456789one,sk-0123456789two")
				synctest.Wait()
				var warnings []string
				for line := range strings.Lines(w.log.String()) {
					if strings.Contains(line, `"warn"`) {
						warnings = append(warnings, line)
					}
				}
				switch {
				case tc.want == nil && len(warnings) > 0, tc.want != nil && len(warnings) != 1:
					t.Fatalf("warnings %q", warnings)
				}
				for _, part := range tc.want {
					if !strings.Contains(warnings[0], part) {
						t.Errorf("%s lacks %s", warnings[0], part)
					}
				}
				if n := w.sim.Calls(); n != 0 {
					t.Errorf("%d calls", n)
				}
				s, err := w.client.Status(t.Context())
				if err != nil || s.Groups[0].Latency.Samples != 0 || s.Groups[0].InFlight != 0 || s.Keys[0].Calls != 0 {
					t.Errorf("the gate saw it: %+v, %v", s, err)
				}
			})
		})
	}
}
