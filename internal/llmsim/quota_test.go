package llmsim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// bubble runs a test against a simulator in a bubble of its own time.
func bubble(t *testing.T, config llmsim.Config, test func(t *testing.T, sim *llmsim.Server, c client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := testkit.NewSim(t, config)
		test(t, sim, connect(t, sim))
	})
}

// tick lets simulated time pass.
func tick(d time.Duration) { time.Sleep(d) }

// burst asks n times at once and returns how many were admitted, and the last
// answer's headers.
func (c client) burst(t *testing.T, n int, opts ...option.RequestOption) (admitted int, h http.Header) {
	t.Helper()
	for i := range n {
		var response *http.Response
		_, err := c.ask(plainParams(fmt.Sprint("item ", i)), append(opts, option.WithResponseInto(&response))...)
		switch statusOf(err) {
		case http.StatusOK:
			admitted++
		case http.StatusTooManyRequests:
		default:
			t.Fatal(err)
		}
		h = response.Header
	}
	return admitted, h
}

func expectHeaders(t *testing.T, h http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := h.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

func TestBucketAdmitsExactly(t *testing.T) {
	quota := llmsim.Quota{Requests: llmsim.Limit{Amount: 600, Per: time.Minute, Burst: 20}} // one each 100 ms
	bubble(t, llmsim.Config{Quota: quota}, func(t *testing.T, _ *llmsim.Server, c client) {
		n, h := c.burst(t, 25)
		if n != 20 {
			t.Fatalf("a full bucket admitted %d, want 20", n)
		}
		expectHeaders(t, h, map[string]string{
			"x-ratelimit-limit-requests": "20", "x-ratelimit-remaining-requests": "0",
			"x-ratelimit-reset-requests": "2s", "retry-after": "1", "retry-after-ms": "100",
			"x-ratelimit-limit-tokens": "",
		})
		tick(100*time.Millisecond - 1)
		if n, h = c.burst(t, 1); n != 0 {
			t.Fatal("admitted a nanosecond too early")
		}
		expectHeaders(t, h, map[string]string{"retry-after-ms": "1"})
		tick(1)
		if n, _ = c.burst(t, 2); n != 1 {
			t.Fatalf("admitted %d after 100 ms, want 1", n)
		}
		tick(time.Second)
		if n, h = c.burst(t, 5); n != 5 {
			t.Fatalf("admitted %d of 10", n)
		}
		expectHeaders(t, h, map[string]string{
			"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1.5s", "retry-after": "",
		})
		tick(time.Hour)
		if n, h = c.burst(t, 1); n != 1 {
			t.Fatal("refused after an hour")
		}
		expectHeaders(t, h, map[string]string{"x-ratelimit-remaining-requests": "19", "x-ratelimit-reset-requests": "100ms"})
	})
}

func TestWindowAdmitsExactly(t *testing.T) {
	quota := llmsim.Quota{Requests: llmsim.Limit{Amount: 10, Per: 10 * time.Second, Window: true}}
	bubble(t, llmsim.Config{Quota: quota}, func(t *testing.T, _ *llmsim.Server, c client) {
		tick(4 * time.Second)
		n, h := c.burst(t, 12)
		if n != 10 {
			t.Fatalf("a fresh window admitted %d, want 10", n)
		}
		expectHeaders(t, h, map[string]string{
			"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "0",
			"x-ratelimit-reset-requests": "6s", "retry-after": "6", "retry-after-ms": "6000",
		})
		tick(6*time.Second - 1)
		if n, _ = c.burst(t, 1); n != 0 {
			t.Fatal("admitted before the roll-over")
		}
		tick(1)
		if n, h = c.burst(t, 3); n != 3 {
			t.Fatalf("admitted %d after the roll-over, want 3", n)
		}
		expectHeaders(t, h, map[string]string{"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "10s"})
	})
}

func TestTokensAreCharged(t *testing.T) {
	quota := llmsim.Quota{Tokens: llmsim.Limit{Amount: 6000, Per: time.Minute}}
	bubble(t, llmsim.Config{Quota: quota}, func(t *testing.T, sim *llmsim.Server, c client) {
		var response *http.Response
		got := c.answer(t, plainParams("x"), option.WithResponseInto(&response))
		expectHeaders(t, response.Header, map[string]string{
			"x-ratelimit-limit-tokens":       "6000",
			"x-ratelimit-remaining-tokens":   fmt.Sprint(6000 - got.Usage.TotalTokens),
			"x-ratelimit-reset-tokens":       (time.Duration(got.Usage.TotalTokens) * 10 * time.Millisecond).String(),
			"x-ratelimit-remaining-requests": "",
		})
		n, h := c.burst(t, 300)
		stats := sim.Stats()
		if spent := stats.Tokens.Prompt + stats.Tokens.Completion; spent > 6000 || spent < 6000-40 || n == 300 {
			t.Errorf("%d calls spent %d tokens of 6000", n, spent)
		}
		if h.Get("retry-after-ms") == "" {
			t.Error("no retry-after-ms")
		}
		_, err := c.ask(plainParams(strings.Repeat("long ", 6000)))
		if statusOf(err) != http.StatusTooManyRequests || !strings.Contains(messageOf(err), "too large") {
			t.Errorf("a request over the limit: %v %s", err, messageOf(err))
		}
	})
}

func TestHiddenLimit(t *testing.T) {
	quota := llmsim.Quota{
		Requests: llmsim.Limit{Amount: 1000}, Hidden: llmsim.Limit{Amount: 5, Per: time.Second},
	}
	bubble(t, llmsim.Config{Quota: quota}, func(t *testing.T, _ *llmsim.Server, c client) {
		n, h := c.burst(t, 8)
		if n != 5 {
			t.Fatalf("admitted %d, want 5", n)
		}
		// What the hidden limit refused has taken nothing from the other.
		expectHeaders(t, h, map[string]string{"x-ratelimit-remaining-requests": "995", "retry-after-ms": "200"})
	})
}

func TestWhatHeadersSay(t *testing.T) {
	limit := llmsim.Limit{Amount: 1, Per: 2500 * time.Millisecond}
	for style, want := range map[string]map[string]string{
		"both":    {"retry-after": "3", "retry-after-ms": "2500"},
		"seconds": {"retry-after": "3", "retry-after-ms": ""},
		"ms":      {"retry-after": "", "retry-after-ms": "2500"},
		"none":    {"retry-after": "", "retry-after-ms": ""},
	} {
		t.Run(style, func(t *testing.T) {
			quota := llmsim.Quota{Requests: limit, RetryAfter: style, NoHeaders: style == "none"}
			bubble(t, llmsim.Config{Quota: quota}, func(t *testing.T, _ *llmsim.Server, c client) {
				_, h := c.burst(t, 2)
				expectHeaders(t, h, want)
				if shown := h.Get("x-ratelimit-limit-requests") != ""; shown == quota.NoHeaders {
					t.Errorf("headers shown: %v", shown)
				}
			})
		})
	}
}

func TestHeadersThatContradictThemselves(t *testing.T) {
	config := llmsim.Config{
		Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 100, Per: time.Second}},
		Rules: llmsim.Behaviour{{Header: map[string]string{"X-Ratelimit-Limit-Requests": "6000"}}},
	}
	bubble(t, config, func(t *testing.T, _ *llmsim.Server, c client) {
		_, h := c.burst(t, 10)
		expectHeaders(t, h, map[string]string{
			"x-ratelimit-limit-requests": "6000", "x-ratelimit-remaining-requests": "90", "x-ratelimit-reset-requests": "100ms",
		})
		n, h := c.burst(t, 100)
		if n != 90 {
			t.Errorf("admitted %d of 90", n)
		}
		expectHeaders(t, h, map[string]string{"x-ratelimit-limit-requests": "6000", "x-ratelimit-remaining-requests": "0"})
	})
}

func TestQuotaChanges(t *testing.T) {
	second := func(n int64) *llmsim.Limit { return &llmsim.Limit{Amount: n, Per: time.Second} }
	quota := llmsim.Quota{Requests: *second(10), Changes: []llmsim.QuotaChange{
		{At: 10 * time.Second, Requests: second(4)},
		{At: 20 * time.Second, Requests: second(0)},
		{At: 30 * time.Second, Requests: &llmsim.Limit{Amount: 3, Per: 10 * time.Second, Window: true}},
	}}
	bubble(t, llmsim.Config{Quota: quota}, func(t *testing.T, _ *llmsim.Server, c client) {
		for _, want := range []int{10, 4, 50, 3} {
			if n, _ := c.burst(t, 50); n != want {
				t.Fatalf("admitted %d, want %d", n, want)
			}
			tick(10 * time.Second)
		}
		if n, _ := c.burst(t, 5); n != 3 {
			t.Fatalf("the next window admitted %d, want 3", n)
		}
	})
}

func errorOf[T any](_ T, err error) error { return err }

func TestKeysAndGroups(t *testing.T) {
	one := llmsim.Quota{Requests: llmsim.Limit{Amount: 4, Per: time.Minute}}
	config := llmsim.Config{
		Quota:  one,
		Groups: map[string]llmsim.Quota{"team": {Requests: llmsim.Limit{Amount: 6, Per: time.Minute}}},
		Keys: []llmsim.Key{
			{Secret: "sk-own-aaaa"},
			{Secret: "sk-own-bbbb"},
			{Secret: "sk-team-cccc", Group: "team"},
			{Secret: "sk-team-dddd", Group: "team"},
			{Secret: "sk-dead-eeee", State: "revoked"},
			{Secret: "sk-poor-ffff", State: "exhausted"},
			{Secret: "sk-late-gggg", Changes: []llmsim.KeyChange{
				{At: time.Second, State: "forbidden"}, {At: 2 * time.Second, State: "active"},
			}},
		},
	}
	bubble(t, config, func(t *testing.T, _ *llmsim.Server, c client) {
		for secret, want := range map[string]int{"sk-own-aaaa": 4, "sk-own-bbbb": 4, "sk-poor-ffff": 0} {
			if n, _ := c.burst(t, 10, option.WithAPIKey(secret)); n != want {
				t.Errorf("%s: %d, want %d", secret, n, want)
			}
		}
		first, _ := c.burst(t, 4, option.WithAPIKey("sk-team-cccc"))
		second, _ := c.burst(t, 10, option.WithAPIKey("sk-team-dddd"))
		if first != 4 || second != 2 {
			t.Errorf("the group's keys got %d and %d, want 4 and 2", first, second)
		}
		denied := func(secret, code string, status int) {
			t.Helper()
			_, err := c.ask(plainParams("x"), option.WithAPIKey(secret))
			if statusOf(err) != status || codeOf(err) != code {
				t.Errorf("%s: %d %s, want %d %s", secret, statusOf(err), codeOf(err), status, code)
			}
			if strings.Contains(messageOf(err), secret) {
				t.Errorf("the error shows the key: %s", messageOf(err))
			}
		}
		if got := statusOf(errorOf(c.ask(plainParams("x"), option.WithHeader("Authorization", "Basic sk-own-aaaa")))); got != 401 {
			t.Errorf("a key by another scheme: %d, want 401", got)
		}
		denied("sk-nobody-knows", "invalid_api_key", 401)
		denied("sk-dead-eeee", "invalid_api_key", 401)
		denied("sk-poor-ffff", "insufficient_quota", 429)
		tick(time.Second)
		denied("sk-late-gggg", "permission_denied", 403)
		tick(time.Second)
		if n, _ := c.burst(t, 1, option.WithAPIKey("sk-late-gggg")); n != 1 {
			t.Error("the key did not come back")
		}
	})
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestSlotsServeInOrder(t *testing.T) {
	config := llmsim.Config{Slots: 2, Latency: llmsim.Latency{Median: 100 * time.Millisecond}}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		ended := make(chan int, 6)
		start := time.Now()
		for i := range 6 {
			go func() {
				_, err := c.ask(plainParams("x"))
				if err != nil {
					t.Error(err)
				}
				ended <- i
			}()
			synctest.Wait() // each arrives before the next one starts
		}
		for round := range 3 {
			got := <-ended + <-ended
			if want := 4*round + 1; got != want {
				t.Errorf("round %d: places add up to %d, want %d", round, got, want)
			}
			if took := time.Since(start); took != time.Duration(round+1)*100*time.Millisecond {
				t.Errorf("round %d ended after %v", round, took)
			}
		}
		if got := sim.Stats().Latency.Mean; got != 200*time.Millisecond {
			t.Errorf("mean latency with the queue is %v, want 200ms", got)
		}
	})
}

func TestWaitingForASlotEndsWithTheClient(t *testing.T) {
	config := llmsim.Config{Slots: 1, Latency: llmsim.Latency{Median: time.Hour}}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 2 {
			go func() { _, _ = c.service.New(ctx, plainParams("x")) }()
		}
		<-ctx.Done()
		synctest.Wait()
		if got := sim.Stats(); got.InFlight != 0 || got.ByStatus["left"] != 2 {
			t.Errorf("in flight %d, ended %v", got.InFlight, got.ByStatus)
		}
	})
}
