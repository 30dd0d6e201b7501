package llmsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// kindOf names the way in which a call ended, as a client sees it.
func kindOf(answer *openai.ChatCompletion, err error) string {
	switch status := statusOf(err); {
	case status > 200:
		return fmt.Sprint(status)
	case errors.Is(err, context.DeadlineExceeded):
		return "hang"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case err != nil && strings.Contains(err.Error(), "text/html"):
		return "html"
	case err != nil:
		return "garbage"
	}
	choice := answer.Choices[0]
	var content struct{ Category string }
	switch parsed := json.Unmarshal([]byte(choice.Message.Content), &content); {
	case choice.Message.Refusal != "":
		return "refuse"
	case choice.FinishReason == "content_filter":
		return "filter"
	case choice.FinishReason == "length":
		return "cut"
	case parsed != nil:
		return "babble"
	case content.Category == "":
		return "mismatch"
	}
	return "fine"
}

func (c client) try(text string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return kindOf(c.service.New(ctx, params(text)))
}

func TestMarks(t *testing.T) {
	for text, want := range map[string][]string{
		"a plain chair":       {"fine"},
		"sim:400":             {"400", "400", "400"},
		"sim:404 and more":    {"404"},
		"a sim:422.":          {"422"},
		"sim:429":             {"429"},
		"sim:500":             {"500"},
		"sim:503":             {"503"},
		"sim:reset":           {"reset"},
		"sim:hang":            {"hang"},
		"sim:garbage":         {"garbage"},
		"sim:babble":          {"babble"},
		"sim:mismatch":        {"mismatch"},
		"sim:html":            {"html"},
		"sim:cut":             {"cut"},
		"sim:refuse":          {"refuse"},
		"sim:filter":          {"filter"},
		"sim:500x2":           {"500", "500", "fine", "fine"},
		"sim:hangx1":          {"hang", "fine"},
		"sim:resetx1":         {"reset", "fine"},
		"sim:nothing":         {"fine"},
		"sim:999 sim:200":     {"fine"},
		"sim:x2 sim: sim:cut": {"cut"},
		"sim:500x0":           {"fine"},
	} {
		t.Run(text, func(t *testing.T) {
			bubble(t, llmsim.Config{}, func(t *testing.T, _ *llmsim.Server, c client) {
				for i, kind := range want {
					if got := c.try(text); got != kind {
						t.Errorf("attempt %d: %s, want %s", i+1, got, kind)
					}
				}
			})
		})
	}
}

func TestFaultsComeAsOftenAsTheyShould(t *testing.T) {
	faults := map[string]float64{
		"throttle": 0.1, "error": 0.05, "unavailable": 0.06, "reset": 0.04, "hang": 0.03, "garbage": 0.02, "babble": 0.03,
		"mismatch": 0.05, "html": 0.04, "cut": 0.05, "refuse": 0.05, "filter": 0.05, "comma": 0,
	}
	want := map[string]float64{
		"429": 0.1, "500": 0.05, "503": 0.06, "reset": 0.04, "hang": 0.03, "garbage": 0.02, "babble": 0.03,
		"mismatch": 0.05, "html": 0.04, "cut": 0.05, "refuse": 0.05, "filter": 0.05, "fine": 0.43,
	}
	run := func(seed uint64) (kinds []string, count map[string]int) {
		count = make(map[string]int)
		bubble(t, llmsim.Config{Seed: seed, Faults: faults}, func(_ *testing.T, _ *llmsim.Server, c client) {
			for range 2000 {
				kinds = append(kinds, c.try("x"))
				count[kinds[len(kinds)-1]]++
			}
		})
		return kinds, count
	}
	first, count := run(1)
	for kind, p := range want {
		// Four standard deviations of 2,000 draws are under 0.045.
		if got := float64(count[kind]) / 2000; got < p-0.045 || got > p+0.045 || got == 0 {
			t.Errorf("%s: %v of the calls, want %v", kind, got, p)
		}
	}
	if again, _ := run(1); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Error("the same seed gave other mishaps")
	}
	if other, _ := run(2); fmt.Sprint(other) == fmt.Sprint(first) {
		t.Error("another seed gave the same mishaps")
	}
}

func TestFaultsThatSayWhenToComeAgain(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{
		Rules: llmsim.Behaviour{{Share: 1, Text: "busy", Status: 503, Header: map[string]string{"Retry-After-Ms": "1500"}}},
		Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 100}},
	}))
	for text, want := range map[string]string{"busy": "1500", "sim:503": "", "sim:500": ""} {
		var response *http.Response
		_, _ = c.ask(params(text), option.WithResponseInto(&response))
		expectHeaders(t, response.Header, map[string]string{
			"retry-after-ms": want, "x-ratelimit-limit-requests": "100",
		})
	}
}

func TestResetOnTCP(t *testing.T) {
	server := httptest.NewServer(testkit.NewSim(t, llmsim.Config{}))
	defer server.Close()
	c := clientOf(server.Client(), server.URL+"/v1")
	if _, err := c.ask(params("sim:reset")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset by the peer", err)
	}
	if got := c.try("after it"); got != "fine" {
		t.Errorf("the next call ended as %s", got)
	}
}

func TestRefusalsTakeNoTime(t *testing.T) {
	config := llmsim.Config{Latency: llmsim.Latency{Median: time.Second}}
	bubble(t, config, func(t *testing.T, _ *llmsim.Server, c client) {
		for text, want := range map[string]time.Duration{
			"sim:429": 0, "sim:400": 0, "sim:503": 0,
			"sim:500": time.Second, "sim:reset": time.Second, "x": time.Second,
		} {
			start := time.Now()
			c.try(text)
			if took := time.Since(start); took != want {
				t.Errorf("%s took %v, want %v", text, took, want)
			}
		}
	})
}

func TestPlannedOutages(t *testing.T) {
	config := llmsim.Config{Outages: []llmsim.Outage{
		{Start: 10 * time.Second, For: 5 * time.Second, Kind: "503"},
		{Start: 20 * time.Second, For: 5 * time.Second, Kind: "reset"},
		{Start: 30 * time.Second, For: 5 * time.Second, Kind: "hang"},
	}}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		start := time.Now()
		for _, step := range []struct {
			at   time.Duration
			want string
		}{
			{10*time.Second - 1, "fine"},
			{10 * time.Second, "503"},
			{15*time.Second - 1, "503"},
			{15 * time.Second, "fine"},
			{20 * time.Second, "reset"},
			{25 * time.Second, "fine"},
			{30 * time.Second, "hang"}, // ends after a minute, by the client's patience
			{95 * time.Second, "fine"},
		} {
			tick(time.Until(start.Add(step.at)))
			if got := c.try("x"); got != step.want {
				t.Errorf("at %v: %s, want %s", step.at, got, step.want)
			}
		}
		if got := sim.Stats().InOutage; got != 4 {
			t.Errorf("%d calls in outages, want 4", got)
		}
	})
}

func TestOutageCatchesCallsInFlight(t *testing.T) {
	for kind, want := range map[string]string{
		"503": "503", "reset": "reset", "hang": "hang",
	} {
		for _, inFlight := range []bool{true, false} {
			t.Run(fmt.Sprint(kind, inFlight), func(t *testing.T) {
				config := llmsim.Config{Latency: llmsim.Latency{Median: 10 * time.Second}}
				bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
					ended := make(chan string, 1)
					go func() { ended <- c.try("x") }()
					tick(time.Second)
					if err := sim.SetOutage(llmsim.Outage{Kind: kind, InFlight: inFlight}); err != nil {
						t.Fatal(err)
					}
					tick(time.Second)
					sim.EndOutage()
					expected := "fine"
					if inFlight {
						expected = want
					}
					if got := <-ended; got != expected {
						t.Errorf("the call in flight ended as %s, want %s", got, expected)
					}
					if got := c.try("x"); got != "fine" {
						t.Errorf("after the outage: %s", got)
					}
				})
			})
		}
	}
}

func TestOutageByHTTP(t *testing.T) {
	bubble(t, llmsim.Config{}, func(t *testing.T, _ *llmsim.Server, c client) {
		call := func(method, query string, want int) {
			t.Helper()
			request, err := http.NewRequestWithContext(t.Context(), method, c.root+"/admin/outage"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := c.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s %s: %s, want %d", method, query, response.Status, want)
			}
		}
		try := func(want string) {
			t.Helper()
			if got := c.try("x"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		call(http.MethodPost, "?kind=503&for=10s&in_flight=true", 204)
		try("503")
		tick(10 * time.Second)
		try("fine")
		call(http.MethodPost, "?kind=reset", 204)
		try("reset")
		call(http.MethodDelete, "", 204)
		try("fine")
		call(http.MethodPost, "?kind=flood", 400)
		call(http.MethodPost, "?kind=503&for=soon", 400)
		call(http.MethodPost, "?kind=503&in_flight=perhaps", 400)
		call(http.MethodPut, "?kind=503", 405)
		try("fine")
	})
}

func TestLatencyIsLognormal(t *testing.T) {
	config := llmsim.Config{Seed: 3, Latency: llmsim.DefaultLatency()}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		var mu sync.Mutex
		var took []time.Duration
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 150 {
					start := time.Now()
					_ = c.try("x")
					mu.Lock()
					took = append(took, time.Since(start))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		slices.Sort(took)
		// The median of 3,000 draws is within 3 % of 200 ms, the mean of 226.6 ms;
		// the 99th percentile is at 640 ms, give or take 8 %.
		within := func(name string, got time.Duration, want, part float64) {
			if f := got.Seconds(); f < want*(1-part) || f > want*(1+part) {
				t.Errorf("%s %v, want %v s", name, got, want)
			}
		}
		within("median", took[1500], 0.2, 0.04)
		within("mean", sim.Stats().Latency.Mean, 0.2266, 0.04)
		within("p99", took[2970], 0.640, 0.1)
	})
	config.Latency = llmsim.Latency{Median: time.Second, Sigma: 2, Cap: 1100 * time.Millisecond}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		for range 50 {
			_ = c.try("x")
		}
		if got := sim.Stats().Latency.Max; got != 1100*time.Millisecond {
			t.Errorf("the longest took %v, want the cap of 1.1s", got)
		}
	})
}

func TestClientsThatLeaveAreSeen(t *testing.T) {
	config := llmsim.Config{Latency: llmsim.Latency{Median: time.Hour}}
	bubble(t, config, func(t *testing.T, sim *llmsim.Server, c client) {
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 5 {
			go func() { _, _ = c.service.New(ctx, params(fmt.Sprint(i))) }()
		}
		synctest.Wait()
		if got := sim.InFlight(); got != 5 {
			t.Errorf("%d in flight, want 5", got)
		}
		cancel()
		synctest.Wait()
		got := sim.Stats()
		if got.InFlight != 0 || got.PeakInFlight != 5 || got.ByStatus["left"] != 5 || got.Succeeded != 0 {
			t.Errorf("in flight %d, peak %d, ended %v", got.InFlight, got.PeakInFlight, got.ByStatus)
		}
	})
}
