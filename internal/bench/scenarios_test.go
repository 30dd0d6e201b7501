package main

import (
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// TestScenarios_AreOfServersThatCanBeSimulated reads each configuration as the role does.
func TestScenarios_AreOfServersThatCanBeSimulated(t *testing.T) {
	for _, s := range scenarios {
		for _, text := range []string{s.sim, s.against} {
			config, err := llmsim.ReadConfig(strings.NewReader(text), llmsim.Config{})
			if err == nil {
				_, err = llmsim.New(config)
			}
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}
