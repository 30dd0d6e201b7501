package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// over returns a client of the world's HTTP address.
func (w *world) over() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: w.web.DialContext, DisableKeepAlives: true}}
}

// rows is a request of n texts.
func rows(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"Product Name":"oak chair %d"}`, i)
	}
	return `{"toggle":1,"data":[` + strings.Join(list, ",") + `]}`
}

func post(ctx context.Context, client *http.Client, url, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return client.Do(req)
}

const compatible = "http://memory/classify-category"

// countResults counts the results in what a client has read, and whether the last
// event came.
func countResults(stream []byte) (results int, complete bool) {
	for line := range bytes.SplitSeq(stream, []byte("\n")) {
		var event struct {
			Results        []struct{ Category string }
			ProcessingType string `json:"processing_type"`
		}
		if text, ok := bytes.CutPrefix(line, []byte("data: ")); ok && json.Unmarshal(text, &event) == nil {
			results += len(event.Results)
			complete = event.ProcessingType == "complete"
		}
	}
	return results, complete
}

func TestACrowdOverHTTP(t *testing.T) {
	const clients, leaving, slow, items = 200, 50, 20, 40
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
		body := rows(items)
		var crowd sync.WaitGroup
		for i := range clients {
			client := func() {
				res, err := post(t.Context(), w.over(), compatible, body)
				if err != nil {
					t.Error(err)
					return
				}
				switch {
				case i < leaving:
					_, err = io.CopyN(io.Discard, res.Body, 4000) // of some 12,000
				case i < leaving+slow:
					for range 600 {
						_, err = io.CopyN(io.Discard, res.Body, 1)
						time.Sleep(time.Second)
					}
				default:
					var stream []byte
					stream, err = io.ReadAll(res.Body)
					if n, complete := countResults(stream); n != items || !complete {
						t.Errorf("client %d has %d of %d results; the end: %v", i, n, items, complete)
					}
				}
				if err := errors.Join(err, res.Body.Close()); err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			}
			crowd.Go(client)
		}
		crowd.Wait()
		time.Sleep(100 * time.Millisecond)
		calls := w.sim.Stats().Calls
		time.Sleep(time.Minute)
		if s := w.sim.Stats(); s.Calls != calls || s.InFlight != 0 {
			t.Errorf("after the last client had left: %d calls more, %d in flight", s.Calls-calls, s.InFlight)
		}
		if most := int64(clients * items); calls > most {
			t.Errorf("%d calls were made for %d items", calls, most)
		}
	})
}

func TestCallerOverHTTPLeavesNoCallFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
		res, err := post(t.Context(), w.over(), compatible, rows(2000))
		if err == nil {
			_, err = io.CopyN(io.Discard, res.Body, 20_000)
		}
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		calls := w.sim.Stats().Calls
		time.Sleep(time.Minute)
		if later := w.sim.Stats().Calls - calls; later != 0 || w.sim.Stats().InFlight != 0 || calls < 50 || calls > 1000 {
			t.Errorf("%d calls, and %d later than 100 ms after the caller left", calls, later)
		}
	})
}

// What an upload holds is given back as it is received, over both addresses.
func TestFeedOverHTTP_LongerThanItsWindow(t *testing.T) {
	const items = 3000 // of 1 KiB: three times what may wait to be received
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: time.Millisecond}})
		client := w.dial(t, credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.web.DialContext(ctx, "", "") }))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		results := 0
		for result, err := range client.Feed(ctx, func(yield func(credenza.Item) bool) {
			for i := range items {
				if !yield(credenza.Item{ProductName: fmt.Sprint("oak chair ", i), Description: strings.Repeat("oak ", 256)}) {
					return
				}
			}
		}, credenza.Options{}).Results() {
			if err != nil || result.Err != nil {
				t.Fatal(results, err, result.Err)
			}
			results++
		}
		if results != items {
			t.Errorf("%d results for %d items", results, items)
		}
	})
}

// Browsers send their next call on the connection of one that was refused.
func TestARefusedCall_LeavesItsConnectionUsable(t *testing.T) {
	tokens := newTokenFile(t, entry("shop", ""))
	a, err := app.Start(t.Context(), settings(t, "--backend=offline", "--token-file="+tokens.path),
		app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	transport := &http.Transport{MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	taxonomy := func(token string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			"http://"+a.HTTPAddr()+"/credenza.v1.ClassificationService/GetTaxonomy", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/proto") // of which an empty message has no bytes
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Error(err)
		}
		return string(answer)
	}
	for i := range 3 {
		if answer := taxonomy("wrong"); !strings.Contains(answer, "unauthenticated") {
			t.Errorf("call %d with a wrong token: %q", i, answer)
		}
		if answer := taxonomy("shop-token"); !strings.Contains(answer, "SOFA") {
			t.Errorf("call %d with the right token: %q", i, answer)
		}
	}
}

func TestBothAddressesGoDownTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: time.Second}}, "--max-workers=10")
		type end struct {
			results  int
			complete bool
			err      error
		}
		ends := make(chan end, 1)
		res, err := post(t.Context(), w.over(), compatible, rows(100))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			stream, err := io.ReadAll(res.Body)
			n, complete := countResults(stream)
			ends <- end{n, complete, errors.Join(err, res.Body.Close())}
		}()
		time.Sleep(2500 * time.Millisecond)
		down := make(chan error, 1)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		go func() { down <- w.app.Close(ctx) }()
		synctest.Wait()
		for url, want := range map[string]int{
			compatible: 503, "http://memory/credenza.v1.ClassificationService/Classify": 503, "http://memory/metrics": 405,
		} {
			res, err := post(t.Context(), w.over(), url, rows(1))
			if err != nil || res.StatusCode != want {
				t.Errorf("%s while going down: %v, %v", url, res, err)
			}
			_ = res.Body.Close()
		}
		if got, err := w.over().Get("http://memory/readyz"); err != nil || got.StatusCode != 503 || got.Body.Close() != nil {
			t.Errorf("readyz while going down: %v, %v", got, err)
		}
		if e := <-ends; e.results != 100 || !e.complete || e.err != nil {
			t.Errorf("the running call ended with %+v", e)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

// noted keeps the bodies of what it carries.
type noted struct {
	http.RoundTripper
	mu     sync.Mutex
	bodies []string
}

func (n *noted) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.bodies = append(n.bodies, string(body))
	n.mu.Unlock()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return n.RoundTripper.RoundTrip(r)
}

func (n *noted) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	bodies := n.bodies
	n.bodies = nil
	slices.Sort(bodies)
	return bodies
}

// The same product is the same question on every way, to the byte, and so has the
// same entry in a cache.
func TestARowAsksWhatItsItemAsks(t *testing.T) {
	_, model := testkit.ServeSim(t, llmsim.Config{})
	asked := &noted{RoundTripper: model.Client.Transport}
	a, err := app.Start(t.Context(), settings(t, "--openai-base-url="+model.URL, "--openai-api-key=sk-0123456789secret"),
		app.Options{LogTo: &buffer{}, Model: asked, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()

	items := []credenza.Item{
		{ProductName: "Oak table", Type: "Dining table", Category: "TABLE", Styles: []string{"RUSTIC", "MODERN"}, Tags: []string{"oak", "round"}, PriceRange: "129", ProductURL: "https://shop.example/1", Attributes: map[string]string{"Colour": "oak", "seats": "4", "indoor": "true"}},
		{ProductName: "Sofa", Description: "Linen", PriceRange: "100-150"},
		{Attributes: map[string]string{"note": "a bench"}},
	}
	overGRPC := func(cache credenza.CachePolicy) []string {
		t.Helper()
		for _, err := range client.ClassifyStream(t.Context(), items, credenza.Options{Mode: credenza.Text, InOrder: true, Cache: cache}).Results() {
			if err != nil {
				t.Fatal(err)
			}
		}
		return asked.take()
	}
	want := overGRPC(credenza.CacheBypass)
	http := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := post(t.Context(), http, "http://"+a.HTTPAddr()+"/classify-category", `{"toggle":1,"data":[
		{"Product_Name":" Oak table","TYPE":"Dining table","category":"TABLE","style":"RUSTIC, MODERN","Tags":["oak","round"],"price_usd":129.0,"Product URL":"https://shop.example/1","Colour":"oak","seats":4,"indoor":true,"gap":NaN},
		{"title":"Sofa","description":"Linen","Price Range":"100-150","type":null,"tags":"nan"},
		{"note":"a bench","name":"None"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if n, complete := countResults(stream); n != 3 || !complete {
		t.Errorf("got %s", stream)
	}
	if diff := cmp.Diff(want, asked.take()); diff != "" || len(want) != 3 {
		t.Error(len(want), diff)
	}
	if again := overGRPC(credenza.CacheUse); len(again) > 0 {
		t.Errorf("%d of the items were asked about again: %q", len(again), again)
	}
}
