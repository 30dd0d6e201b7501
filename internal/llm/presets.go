package llm

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// preset is what is known beforehand of a provider. It saves the first calls of a
// negotiation, which would find the same.
type preset struct {
	name string
	// hosts are the ends of host names that are the provider's, or "host:port".
	hosts    []string
	settings Settings
	// rules are for models, the first that fits counts.
	rules []modelRule
}

// modelRule is what is known of models whose names begin with a prefix.
type modelRule struct {
	prefixes []string
	settings Settings
}

var no = new(bool)

// openAIModels are OpenAI's, which gateways serve under the same names. Models that reason
// refuse temperature and log-probabilities while they do.
var openAIModels = []modelRule{
	{[]string{"gpt-5.1", "gpt-5.2", "gpt-5.3", "gpt-5.4", "gpt-5.5"}, Settings{ReasoningEffort: "none"}},
	{[]string{"gpt-5.6", "gpt-5.7", "gpt-5.8", "gpt-5.9", "gpt-6"}, Settings{ReasoningEffort: "none", PromptCache: "explicit"}},
	{[]string{"gpt-5"}, Settings{ReasoningEffort: "minimal", Temperature: no, Logprobs: "none"}},
	{[]string{"o1", "o3", "o4"}, Settings{ReasoningEffort: "low", Temperature: no, Logprobs: "none"}},
}

// presets are facts from the providers' documentation.
var presets = []preset{
	{name: "openai", hosts: []string{"api.openai.com"}, rules: openAIModels},
	{name: "azure", hosts: []string{".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"}, settings: Settings{Auth: AuthAPIKey}, rules: openAIModels},
	{name: "gemini", hosts: []string{"generativelanguage.googleapis.com"}, settings: Settings{
		Format: "plain_schema", Logprobs: "none",
	}, rules: []modelRule{{[]string{"gemini-2.5-flash", "models/gemini-2.5-flash"}, Settings{ReasoningEffort: "none"}}, {[]string{"gemini", "models/gemini"}, Settings{ReasoningEffort: "low"}}}},
	{name: "anthropic", hosts: []string{"api.anthropic.com"}, settings: Settings{Format: "text", OutputLimit: "max_tokens", Logprobs: "none"}},
	{name: "mistral", hosts: []string{"api.mistral.ai"}, settings: Settings{OutputLimit: "max_tokens", Logprobs: "none"}},
	{name: "groq", hosts: []string{"api.groq.com"}, settings: Settings{Logprobs: "none"}},
	{name: "openrouter", hosts: []string{"openrouter.ai"}, settings: Settings{OutputLimit: "max_tokens"}},
	{name: "deepseek", hosts: []string{"api.deepseek.com"}, settings: Settings{Format: "json_object", OutputLimit: "max_tokens"}},
	{name: "ollama", hosts: []string{"localhost:11434", "127.0.0.1:11434", "[::1]:11434"}, settings: Settings{OutputLimit: "max_tokens"}},
	{name: "llama.cpp", settings: Settings{OutputLimit: "max_tokens"}},
	{name: "vllm", settings: Settings{}},
	{name: "lmstudio", hosts: []string{"localhost:1234", "127.0.0.1:1234", "[::1]:1234"}, settings: Settings{OutputLimit: "max_tokens"}},
	{name: "litellm", settings: Settings{}, rules: openAIModels},
}

// Providers returns the names of the presets.
func Providers() []string {
	names := make([]string, len(presets))
	for i := range presets {
		names[i] = presets[i].name
	}
	return names
}

// presetFor returns the preset of that name, or else the one of the base URL's host, nil if
// there is none.
func presetFor(name, base string) (*preset, error) {
	if name != "" {
		for i := range presets {
			if presets[i].name == name {
				return &presets[i], nil
			}
		}
		return nil, fmt.Errorf("provider is %q: give one of %s", name, strings.Join(Providers(), ", "))
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, nil //nolint:nilerr // a base URL that is not an address was refused elsewhere
	}
	host := strings.ToLower(u.Host)
	for i := range presets {
		if slices.ContainsFunc(presets[i].hosts, func(h string) bool {
			return host == h || strings.HasPrefix(h, ".") && strings.HasSuffix(u.Hostname(), h)
		}) {
			return &presets[i], nil
		}
	}
	if u.Query().Has("api-version") || strings.Contains(u.Path, "/openai/deployments/") {
		return presetFor("azure", "")
	}
	return nil, nil
}

// settingsFor returns what is known beforehand of a model on the provider.
func (p *preset) settingsFor(model string) Settings {
	if p == nil {
		return Settings{}
	}
	model = strings.ToLower(model)
	if _, name, ok := strings.Cut(model, "/"); ok && p.name != "gemini" {
		model = name // "openai/gpt-5"
	}
	for _, rule := range p.rules {
		if slices.ContainsFunc(rule.prefixes, func(prefix string) bool { return strings.HasPrefix(model, prefix) }) {
			return rule.settings.merged(p.settings)
		}
	}
	return p.settings
}
