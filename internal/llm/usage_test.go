package llm_test

import (
	"fmt"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestUsage_IsReadInEveryForm has the names under which providers report the same counts.
func TestUsage_IsReadInEveryForm(t *testing.T) {
	all := catalog.Usage{Prompt: 1200, CachedPrompt: 900, CacheWrites: 128, Completion: 80, Reasoning: 50}
	for name, tt := range map[string]struct {
		usage string
		want  catalog.Usage
	}{
		"OpenAI, OpenRouter": {`{"prompt_tokens":1200,"completion_tokens":80,"total_tokens":1280,` +
			`"prompt_tokens_details":{"cached_tokens":900,"cache_write_tokens":128,"audio_tokens":0},` +
			`"completion_tokens_details":{"reasoning_tokens":50,"accepted_prediction_tokens":7}}`, all},
		"LiteLLM": {`{"completion_tokens":80,"prompt_tokens":1200,"completion_tokens_details":{"reasoning_tokens":50,"text_tokens":30},` +
			`"prompt_tokens_details":{"cached_tokens":900,"cache_creation_tokens":128,"cache_creation_token_details":{"ephemeral_5m_input_tokens":128}},` +
			`"cache_creation_input_tokens":128,"cache_read_input_tokens":900}`, all},
		"Qwen": {`{"prompt_tokens":1200,"completion_tokens":80,"completion_tokens_details":{"reasoning_tokens":50},` +
			`"prompt_tokens_details":{"cached_tokens":900,"cache_creation_input_tokens":128,"cache_type":"ephemeral"}}`, all},
		"DeepSeek": {
			`{"prompt_tokens":1200,"completion_tokens":80,"prompt_cache_hit_tokens":900,"prompt_cache_miss_tokens":300}`,
			catalog.Usage{Prompt: 1200, CachedPrompt: 900, Completion: 80},
		},
		"Moonshot": {`{"prompt_tokens":1200,"completion_tokens":80,"cached_tokens":900}`, catalog.Usage{Prompt: 1200, CachedPrompt: 900, Completion: 80}},
		"Perplexity": {
			`{"prompt_tokens":1200,"completion_tokens":80,"reasoning_tokens":50,"search_context_size":"low","cost":{"total_cost":0.01}}`,
			catalog.Usage{Prompt: 1200, Completion: 80, Reasoning: 50},
		},
		"details that are null": {
			`{"prompt_tokens":1200,"completion_tokens":80,"prompt_tokens_details":null,"completion_tokens_details":null}`,
			catalog.Usage{Prompt: 1200, Completion: 80},
		},
		"nonsense": {`{"prompt_tokens":-5,"completion_tokens":"80","prompt_tokens_details":[1],"cached_tokens":{"a":1}}`, catalog.Usage{Completion: 80}},
		"a text":   {`"1280 tokens"`, catalog.Usage{}},
		"null":     {`null`, catalog.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			body := regexp.MustCompile(`"usage":\{.*\}\}`).ReplaceAllLiteralString(completion(good, "", 0), `"usage":`+tt.usage)
			inBubble(t, llm.Config{}, &server{script: []answer{{body: body}}}, one, func(t *testing.T, b *bench) {
				got, err := b.Ask(t.Context(), sofa())
				if err != nil {
					t.Fatal(err)
				}
				if got.Trace.Usage != tt.want {
					t.Errorf("usage %+v, want %+v", got.Trace.Usage, tt.want)
				}
			})
		})
	}
}

// TestPromptCache_IsWrittenOnce has 200 questions at once to a provider that caches: all
// but the first wait until its answer has put the fixed part into the cache.
func TestPromptCache_IsWrittenOnce(t *testing.T) {
	for name, profiles := range map[string]llm.Profiles{"new": nil, "known from before": &storedProfiles{}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim, local := testkit.ServeSim(t, llmsim.Config{Latency: llmsim.Latency{Median: 400 * time.Millisecond}})
				config := llm.Config{Model: "gpt-6-luna", Profiles: profiles, Settings: llm.Settings{Provider: "openai"}, Transport: local.Client.Transport}
				if profiles != nil {
					askAtOnce(t, config, local.URL, 1)
					sim, local = testkit.ServeSim(t, llmsim.Config{Latency: llmsim.Latency{Median: 400 * time.Millisecond}})
					config.Transport = local.Client.Transport
				}
				sum := askAtOnce(t, config, local.URL, 200)
				prefix := sum.CachedPrompt / 199
				if prefix < 1024 || sum.CacheWrites != prefix || sum.CachedPrompt != 199*prefix {
					t.Errorf("%d tokens written and %d read, want one prefix and 199", sum.CacheWrites, sum.CachedPrompt)
				}
				if got := sim.Stats().Tokens; got.Written != sum.CacheWrites || got.Cached != sum.CachedPrompt {
					t.Errorf("the provider charged for %+v, the traces say %+v", got, sum)
				}
			})
		})
	}
}

// askAtOnce returns the tokens of n questions at once to a new client.
func askAtOnce(t *testing.T, config llm.Config, url string, n int) (sum catalog.Usage) {
	t.Helper()
	c, err := llm.New(config, newGate(t, url, 64, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			answer, err := c.Ask(t.Context(), catalog.Question{Item: &catalog.Item{Name: fmt.Sprint("sofa ", i)}})
			mu.Lock()
			defer mu.Unlock()
			if sum.Add(answer.Trace.Usage); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return sum
}

// storedProfiles keeps profiles for as long as it lives.
type storedProfiles struct{ all sync.Map }

func (m *storedProfiles) Load(key string) []byte {
	v, _ := m.all.Load(key)
	data, _ := v.([]byte)
	return data
}

func (m *storedProfiles) Save(key string, profile []byte) { m.all.Store(key, profile) }
