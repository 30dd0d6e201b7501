package app_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// profile returns the one profile of a service's status, by the names of its parts.
func profile(t *testing.T, client *credenza.Client) (p credenza.Profile, parts map[string]string) {
	t.Helper()
	s, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Profiles) != 1 {
		t.Fatalf("profiles %+v", s.Profiles)
	}
	parts = map[string]string{}
	for _, part := range s.Profiles[0].Parts {
		parts[part.Name] = part.Value + " " + part.Source
	}
	return s.Profiles[0], parts
}

func expectParts(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestStatus_ShowsHowAModelIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Behaviours: []string{"gemini-logprobs", "llamacpp-picture"}}, "--max-output-tokens=5000",
			`--profile={provider: mistral, temperature: false, headers: {X-Secret: hush-hush}, query: {token: hush-hush}}`)
		before, parts := profile(t, w.client)
		expectParts(t, parts, map[string]string{
			"address": "http://llmsim/v1/v1/chat/completions SET", "provider": "mistral SET", "auth": "bearer DEFAULT", "headers": "X-Secret SET", "query": "token SET",
			"body": "", "format": "strict_schema DEFAULT", "output_limit": "max_tokens PRESET", "output_tokens": "600 DEFAULT", "max_output_tokens": "5000 SET",
			"logprobs": "none PRESET", "temperature": "false SET", "reasoning_effort": "not sent DEFAULT", "pictures": "true DEFAULT", "stream": "false DEFAULT",
			"prompt_cache": "none DEFAULT", "attempt_timeout": "10m0s DEFAULT",
		})
		if before.Settled || before.Model != "gpt-6-luna" || fmt.Sprint(before.Groups) != "[group 1]" || w.sim.Calls() != 0 {
			t.Errorf("before the first question: %+v", before)
		}
		items := goods(1, func(_ int, it *credenza.Item) { it.ImageData = photograph(t, 8, 8) })
		for _, err := range w.client.ClassifyStream(t.Context(), items, credenza.Options{}).Results() {
			if err != nil {
				t.Fatal(err)
			}
		}
		after, parts := profile(t, w.client)
		expectParts(t, parts, map[string]string{"pictures": "false LEARNED", "logprobs": "none PRESET", "attempt_timeout": "30s LEARNED"})
		if !after.Settled {
			t.Errorf("after an answer: %+v", after)
		}
	})
}

// TestStatus_KeepsWhatWasLearned asks again after a restart, before any question.
func TestStatus_KeepsWhatWasLearned(t *testing.T) {
	_, url := testkit.ServeSimTCP(t, llmsim.Config{Behaviours: []string{"openai-o-series"}})
	flags := []string{"--data-dir=" + t.TempDir(), "--openai-base-url=" + url, "--openai-api-key=sk-one,sk-two"}
	client, end := replica(t, &buffer{}, flags...)
	if _, err := client.Classify(t.Context(), credenza.Item{ProductName: "Oak chair"}, credenza.Options{}); err != nil {
		t.Fatal(err)
	}
	_, learned := profile(t, client)
	end()
	client, end = replica(t, &buffer{}, flags...)
	defer end()
	p, parts := profile(t, client)
	expectParts(t, learned, map[string]string{"temperature": "false LEARNED", "logprobs": "none LEARNED"})
	if learned["attempt_timeout"], parts["attempt_timeout"] = "", ""; fmt.Sprint(parts) != fmt.Sprint(learned) || !p.Settled || len(p.Groups) != 2 {
		t.Errorf("got %+v after a restart\nwant %v", p, learned)
	}
}

func TestStatus_ShowsHowAnswerTimesSpreadAndTheLastWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: 1500 * time.Millisecond}})
		conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.grpc.DialContext(ctx, "", "") }))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		operations := credenzav1.NewOperationsServiceClient(conn)
		status := func() *credenzav1.GetStatusResponse {
			t.Helper()
			s, err := operations.GetStatus(t.Context(), &credenzav1.GetStatusRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := status(); len(s.GetUpstreamLatency().GetBuckets()) != 0 {
			t.Errorf("before an answer: %v", s.GetUpstreamLatency())
		}
		for _, err := range w.client.ClassifyStream(t.Context(), goods(20, nil), credenza.Options{}).Results() {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 30 {
			res, err := post(t.Context(), w.over(), compatible, `{"data": 1}`)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
		}
		s := status()
		sum, within := 0.0, 0.0
		for _, b := range s.GetUpstreamLatency().GetBuckets() {
			sum += b.GetShare()
			if b.GetUpTo().AsDuration() == 2*time.Second {
				within = b.GetShare()
			}
		}
		if sum < 0.999 || sum > 1.001 || within < 0.9 {
			t.Errorf("%v", s.GetUpstreamLatency())
		}
		lines := s.GetWarnings()
		if len(lines) != 20 || lines[0].GetMessage() != "finished call" || lines[0].GetLevel() != credenzav1.LogLevel_LOG_LEVEL_WARN ||
			!strings.Contains(lines[0].GetFields(), `"http.path":"/classify-category"`) || strings.Contains(fmt.Sprint(lines), "sk-") {
			t.Errorf("%v", lines)
		}
	})
}
