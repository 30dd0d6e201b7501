package llmsim_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llmsim"
)

// documented returns the example configuration of the package comment.
func documented(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var example strings.Builder
	for line := range strings.Lines(string(source)) {
		if text, ok := strings.CutPrefix(line, "//\t"); ok && (example.Len() > 0 || strings.HasPrefix(text, "seed:")) {
			example.WriteString(text)
		}
	}
	return example.String()
}

func TestDocumentedConfiguration(t *testing.T) {
	config, err := llmsim.ReadConfig(strings.NewReader(documented(t)), llmsim.Config{Slots: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := llmsim.New(config); err != nil {
		t.Fatal(err)
	}
	team := config.Groups["team"]
	if config.Slots != 5 || config.Latency.Cap != 20*time.Second || !team.Requests.Window ||
		team.Changes[0].Requests.Amount != 500 || config.Keys[2].Changes[0].State != "revoked" ||
		config.Faults["hang"] != 0.005 || !config.Outages[0].InFlight {
		t.Errorf("read %+v", config)
	}
	if text := fmt.Sprintf("%v %+v %#v", config, config, config); strings.Contains(text, "sk-one") {
		t.Errorf("the configuration prints a key: %s", text)
	}
}

func TestConfigurationsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"sed: 1", "latency: fast", "keys: {", "latency: {median: 5}x"} {
		if _, err := llmsim.ReadConfig(strings.NewReader(text), llmsim.Config{}); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := llmsim.ReadConfig(strings.NewReader("faults: {hang: 0.1, retry_after: 1s}"), llmsim.Config{})
	if err == nil || !strings.Contains(err.Error(), `"retry_after" is none of`) {
		t.Errorf("faults that are none: %v", err)
	}
	if _, err := llmsim.ReadConfig(strings.NewReader(""), llmsim.Config{}); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestConfigurationsThatAreWrong(t *testing.T) {
	type config = llmsim.Config
	limit := func(l llmsim.Limit) config { return config{Quota: llmsim.Quota{Requests: l}} }
	for field, c := range map[string]config{
		"slots":                           {Slots: -1},
		"latency":                         {Latency: llmsim.Latency{Median: -1}},
		"latency.sigma":                   {Latency: llmsim.Latency{Sigma: -1}},
		"faults: 1.5":                     {Faults: map[string]float64{"cut": 1.5}},
		"faults: the":                     {Faults: map[string]float64{"cut": 0.6, "hang": 0.6}},
		"faults: \"flood\" is no":         {Faults: map[string]float64{"flood": 0.1}},
		"rules.replace":                   {Rules: llmsim.Behaviour{{Replace: [2]string{"("}}}},
		"rules.status":                    {Rules: llmsim.Behaviour{{Status: 99}}},
		"rules.break":                     {Rules: llmsim.Behaviour{{Break: "loud"}}},
		"behaviours: \"bad\" is none":     {Behaviours: []string{"harmony", "bad"}},
		"quota.requests: amount, per and": limit(llmsim.Limit{Amount: -1}),
		"quota.requests: amount x":        limit(llmsim.Limit{Amount: 1 << 50, Per: time.Hour}),
		"quota.requests: a window":        limit(llmsim.Limit{Amount: 1, Burst: 1, Window: true}),
		"quota.tokens":                    {Quota: llmsim.Quota{Tokens: llmsim.Limit{Burst: -1}}},
		"quota.retry_after":               {Quota: llmsim.Quota{RetryAfter: "later"}},
		"quota.changes":                   {Quota: llmsim.Quota{Changes: []llmsim.QuotaChange{{At: 2}, {At: 1}}}},
		"quota.changes: amount":           {Quota: llmsim.Quota{Changes: []llmsim.QuotaChange{{Hidden: &llmsim.Limit{Per: -1}}}}},
		"groups.a.hidden":                 {Groups: map[string]llmsim.Quota{"a": {Hidden: llmsim.Limit{Amount: -1}}}},
		"keys[0].secret":                  {Keys: []llmsim.Key{{}}},
		"keys[1].secret":                  {Keys: []llmsim.Key{{Secret: "a"}, {Secret: "a"}}},
		"keys[0].group":                   {Keys: []llmsim.Key{{Secret: "a", Group: "b"}}},
		"keys[0].state":                   {Keys: []llmsim.Key{{Secret: "a", State: "tired"}}},
		"keys[0].changes":                 {Keys: []llmsim.Key{{Secret: "a", Changes: []llmsim.KeyChange{{At: 2}, {At: 1}}}}},
		"outages[0].kind":                 {Outages: []llmsim.Outage{{For: 1}}},
		"outages[0].for":                  {Outages: []llmsim.Outage{{Kind: "503"}}},
		"outages[0]: start":               {Outages: []llmsim.Outage{{Kind: "503", For: -1}}},
	} {
		_, err := llmsim.New(c)
		if !fault.Is(err, fault.InvalidRequest) || !strings.HasPrefix(fault.From(err).Message, field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
