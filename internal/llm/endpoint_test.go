package llm

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEndpoints(t *testing.T) {
	const end = "/chat/completions"
	for base, want := range map[string][]string{
		"https://api.openai.com/v1":          {"https://api.openai.com/v1" + end, "https://api.openai.com" + end},
		"https://api.openai.com/v1/":         {"https://api.openai.com/v1" + end, "https://api.openai.com" + end},
		"http://localhost:8080":              {"http://localhost:8080" + end, "http://localhost:8080/v1" + end, "http://localhost:8080/api/v1" + end, "http://localhost:8080/openai/v1" + end, "http://localhost:8080/api" + end},
		"http://host/v1/chat/completions":    {"http://host/v1" + end},
		"http://host/v1beta/openai":          {"http://host/v1beta/openai" + end, "http://host/v1beta/openai/v1" + end},
		"http://host/v1beta":                 {"http://host/v1beta" + end, "http://host/v1beta/openai" + end},
		"http://host/api":                    {"http://host/api" + end, "http://host/api/v1" + end},
		"http://host//v1/":                   {"http://host/v1" + end, "http://host" + end},
		"http://host//proxy//https://to/v1":  {"http://host/proxy/https://to/v1" + end, "http://host/proxy/https://to" + end},
		"http://host/gateway":                {"http://host/gateway" + end, "http://host/gateway/v1" + end},
		"http://host/d?api-version=1":        {"http://host/d" + end + "?api-version=1&team=a", "http://host/d/v1" + end + "?api-version=1&team=a"},
		"http://host/v1?team=mine&x=%2Fpath": {"http://host/v1" + end + "?team=mine&x=%2Fpath", "http://host" + end + "?team=mine&x=%2Fpath"},
	} {
		query := url.Values{}
		if u, err := url.Parse(base); err == nil && u.RawQuery != "" {
			query.Set("team", "a")
		}
		got, err := endpoints(base, query)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", base, err, diff)
		}
	}
}

func TestRedirected_KeepsTheKeyWithItsServer(t *testing.T) {
	const from = "http://host:8080/v1/chat/completions"
	for location, want := range map[string]string{
		"/v2/chat/completions":            "http://host:8080/v2/chat/completions",
		"https://host/v1/chat":            "https://host/v1/chat",
		"http://host:9090/v1":             "",
		"http://elsewhere.test:8080/v1":   "",
		"":                                "",
		"//elsewhere.test/chat":           "",
		"http://user:pw@elsewhere.test/x": "",
	} {
		res := response{status: http.StatusMovedPermanently, header: http.Header{"Location": {location}}}
		if got := redirected(from, &res); got != want {
			t.Errorf("%q leads to %q, want %q", location, got, want)
		}
	}
	down := response{status: http.StatusFound, header: http.Header{"Location": {"http://host/v1"}}}
	if got := redirected("https://host/v1", &down); got != "" {
		t.Errorf("from https to %q", got)
	}
}

func TestPresetFor(t *testing.T) {
	for base, want := range map[string]string{
		"https://api.openai.com/v1":                                "openai",
		"https://team.openai.azure.com/openai/deployments/x":       "azure",
		"http://127.0.0.1:9/openai/deployments/x?api-version=2024": "azure",
		"https://generativelanguage.googleapis.com/v1beta/openai":  "gemini",
		"http://localhost:11434/v1":                                "ollama",
		"http://localhost:8080/v1":                                 "",
		"https://notopenai.azure.com.evil.test/v1":                 "",
	} {
		got := ""
		p, err := presetFor("", base)
		if p != nil {
			got = p.name
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", base, got, err, want)
		}
	}
}

func TestPreset_SettingsForAModel(t *testing.T) {
	openai, err := presetFor("openai", "")
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{"gpt-6-luna": "none", "gpt-5-mini": "minimal", "o3": "low", "gpt-4o": ""} {
		if got := openai.settingsFor(model).ReasoningEffort; got != want {
			t.Errorf("%s: effort %q, want %q", model, got, want)
		}
	}
	for i := range presets {
		for _, rule := range append(presets[i].rules, modelRule{}) {
			if err := rule.settings.merged(presets[i].settings).Check(); err != nil {
				t.Errorf("%s: %v", presets[i].name, err)
			}
		}
	}
}
