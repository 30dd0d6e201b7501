package app_test

import (
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestProfile_SurvivesARestart has a server that refuses log-probabilities: finding that out
// costs a few calls, once, and none after a restart.
func TestProfile_SurvivesARestart(t *testing.T) {
	sim, url := testkit.ServeSimTCP(t, llmsim.Config{Behaviours: []string{"gemini-logprobs"}})
	flags := []string{"--data-dir=" + t.TempDir(), "--openai-base-url=" + url, "--openai-api-key=sk-test"}
	for i, most := range []int64{40 + 7, 40} {
		before := sim.Calls()
		client, end := replica(t, &buffer{}, flags...)
		stream := client.ClassifyStream(t.Context(), goods(40, nil), credenza.Options{Cache: credenza.CacheBypass})
		for result, err := range stream.Results() {
			if err != nil || result.Err != nil {
				t.Fatal(err, result.Err)
			}
		}
		end()
		if calls := sim.Calls() - before; calls > most {
			t.Errorf("run %d: %d calls for 40 items, want at most %d", i+1, calls, most)
		}
	}
}

func TestProfile_IsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"{format: xml}":              "profile: format is \"xml\": give one of json_object, plain_schema, strict_schema, text",
		"{frmat: text}":              "profile: it is not YAML, or has a member that no profile has",
		"{body: {model: x}}":         "profile: body: model is a member of every request already",
		"{provider: acme}":           "profile: provider is \"acme\": give one of openai, azure",
		"{reasoning_effort: minmal}": "profile: reasoning_effort is \"minmal\"",
	} {
		config, err := parse("--profile=" + text)
		if err == nil {
			_, err = app.Start(t.Context(), config, app.Options{LogTo: &buffer{}, Data: app.DataNone})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
