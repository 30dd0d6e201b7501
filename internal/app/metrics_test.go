package app_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// family is what /metrics says of one metric.
type family struct {
	help, kind string
	labels     []string // of its series, in alphabetical order
	series     int
}

var (
	aboutFamily = regexp.MustCompile(`^# (HELP|TYPE) (\S+) (.*)$`)
	oneSeries   = regexp.MustCompile(`^(\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? (\S+)$`)
	labelName   = regexp.MustCompile(`(\w+)="`)
)

// families reads what /metrics says.
func families(text string) map[string]*family {
	all := map[string]*family{}
	of := func(name string) *family {
		if all[name] == nil {
			all[name] = &family{}
		}
		return all[name]
	}
	for line := range strings.SplitSeq(text, "\n") {
		if m := aboutFamily.FindStringSubmatch(line); m != nil {
			if m[1] == "HELP" {
				of(m[2]).help = m[3]
			} else {
				of(m[2]).kind = m[3]
			}
		} else if m := oneSeries.FindStringSubmatch(line); m != nil {
			name := m[1]
			if all[name] == nil {
				name += m[2]
			}
			f := of(name)
			f.series++
			f.labels = nil
			for _, l := range labelName.FindAllStringSubmatch(m[3], -1) {
				if l[1] != "le" {
					f.labels = append(f.labels, l[1])
				}
			}
		}
	}
	return all
}

// scrape returns what /metrics of a running service says.
func scrape(t *testing.T, a *app.App) string {
	t.Helper()
	res, err := http.Get("http://" + a.HTTPAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// value returns the value of a series.
func value(t *testing.T, metrics, series string) float64 {
	t.Helper()
	_, text, found := strings.Cut("\n"+metrics, "\n"+series+" ")
	text, _, _ = strings.Cut(text, "\n")
	v, err := strconv.ParseFloat(text, 64)
	if !found || err != nil {
		t.Fatalf("%s is %q", series, text)
	}
	return v
}

// startOn starts the whole service on loopback, with data in a folder of its own.
func startOn(t *testing.T, flags ...string) *app.App {
	t.Helper()
	a, err := app.Start(t.Context(), settings(t, append([]string{"--log-level=error"}, flags...)...), app.Options{LogTo: &buffer{}, Data: app.DataTemporary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return a
}

// dialTo returns a client of a service on loopback.
func dialTo(t *testing.T, a *app.App, options ...credenza.Option) *credenza.Client {
	t.Helper()
	client, err := credenza.Dial(a.GRPCAddr(), append(options, credenza.WithPlaintext(), credenza.WithTokenOverPlaintext())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// busy is a service with everything that has metrics, after calls that count in all of them.
func busy(t *testing.T) *app.App {
	t.Helper()
	_, url := testkit.ServeSimTCP(t, llmsim.Config{Quota: llmsim.Quota{
		Requests: llmsim.Limit{Amount: 6000, Per: time.Minute}, Tokens: llmsim.Limit{Amount: 6_000_000, Per: time.Minute},
	}})
	tokens := newTokenFile(t, entry("shop", ", caps: {items_per_day: 1000}"))
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", testkit.ServeCollector(t).URL)
	a := startOn(t, "--openai-base-url="+url, "--openai-api-key=sk-test", "--token-file="+tokens.path)
	client := dialTo(t, a, credenza.WithToken("shop-token"))
	forbidden := goods(3, func(_ int, it *credenza.Item) { it.ImageURL = "http://10.1.2.3/1.jpg" })
	for _, err := range client.ClassifyStream(t.Context(), append(goods(20, nil), forbidden...), credenza.Options{Mode: credenza.Image}).Results() {
		if err != nil {
			t.Fatal(err)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.HTTPAddr()+"/classify-category",
		strings.NewReader(`{"toggle": 1, "data": [{"title": "Oak bench"}]}`))
	req.Header.Set("Authorization", "Bearer shop-token")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return a
}

// TestMetrics_AreThoseOfTheCatalogue compares /metrics with what docs/metrics.md is made of.
func TestMetrics_AreThoseOfTheCatalogue(t *testing.T) {
	shown := families(scrape(t, busy(t)))
	listed := map[string]bool{}
	for _, s := range metric.Sections() {
		for _, m := range s.Metrics {
			listed[m.Name] = true
			got := shown[m.Name]
			if got == nil || got.series == 0 {
				t.Errorf("%s is not shown", m.Name)
				continue
			}
			if got.kind != string(m.Type) {
				t.Errorf("%s is a %s, the catalogue says %s", m.Name, got.kind, m.Type)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(m.LabelNames())), got.labels); diff != "" {
				t.Errorf("the labels of %s (-catalogue +shown):\n%s", m.Name, diff)
			}
			if strings.HasPrefix(m.Name, "credenza_") && got.help != m.Help {
				t.Errorf("%s has the help %q", m.Name, got.help)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		if !listed[name] && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is shown and not in the catalogue", name)
		}
	}
}

// TestMetrics_AtRestAreFew counts the series of a service that no one has called.
func TestMetrics_AtRestAreFew(t *testing.T) {
	a := startOn(t, "--backend=offline")
	series, methods := 0, 0
	for name, f := range families(scrape(t, a)) {
		series += f.series
		if strings.HasPrefix(name, "grpc_server") {
			methods += f.series
		}
	}
	about := fmt.Sprintf(`credenza_build_info{goversion=%q,revision=%q,version=%q}`, runtime.Version(), app.Commit(), app.Version)
	if value(t, scrape(t, a), about) != 1 {
		t.Errorf("%s is not 1", about)
	}
	if series > 200 || methods > 0 {
		t.Errorf("there are %d series at rest, %d of them of methods that no one has called", series, methods)
	}
}

func TestMetrics_ShowHowLongItemsWaitAndWhenTheModelAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: 10 * time.Second}}, "--max-workers=1")
		const last = `credenza_group_last_answer_timestamp_seconds{group="group 1"}`
		began := float64(time.Now().Unix())
		if got := value(t, w.metrics(t), last); got != began {
			t.Errorf("before the first answer the time is %v, want that of the start, %v", got, began)
		}
		time.Sleep(time.Minute)
		asked := time.Now()
		stream := w.client.ClassifyStream(t.Context(), goods(2, nil), credenza.Options{})
		done := make(chan int64)
		go func() {
			n, _ := answered(stream)
			done <- n
		}()
		for _, s := range []struct {
			after  time.Duration
			oldest float64
		}{{5 * time.Second, 5}, {9 * time.Second, 9}, {15 * time.Second, 0}} {
			time.Sleep(s.after - time.Since(asked))
			if got := value(t, w.metrics(t), `credenza_queue_oldest_seconds{class="interactive"}`); got != s.oldest {
				t.Errorf("after %v the oldest item waits for %v s, want %v", s.after, got, s.oldest)
			}
		}
		if got, want := value(t, w.metrics(t), last), float64(asked.Add(10*time.Second).Unix()); got != want {
			t.Errorf("the model answered at %v, want %v", got, want)
		}
		if n := <-done; n != 2 {
			t.Errorf("%d items were answered", n)
		}
	})
}

func TestMetrics_CountPicturesThatCouldNotBeUsed(t *testing.T) {
	shop := openShop(t)
	_, url := testkit.ServeSimTCP(t, llmsim.Config{})
	a := startOn(t, "--openai-base-url="+url, "--openai-api-key=sk-test", allowed)
	client := dialTo(t, a)
	at := func(path string) credenza.Item {
		return credenza.Item{ProductName: "Oak chair", ImageURL: shop.URL + path}
	}
	for _, o := range []credenza.Options{{Mode: credenza.Image}, {Mode: credenza.Image, FailWithoutPicture: true}} {
		items := []credenza.Item{at("/nothing.jpg"), at("/page.jpg"), at("/text.jpg"), {ProductName: "Oak chair"}}
		for _, err := range client.ClassifyStream(t.Context(), items, o).Results() {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	metrics := scrape(t, a)
	for _, result := range []string{"text", "failed"} {
		for reason, n := range map[string]float64{
			`cause="not found",reason="IMAGE_UNREACHABLE"`:     1,
			`cause="not a picture",reason="IMAGE_UNSUPPORTED"`: 2, // whatever is there instead
			`cause="no picture",reason="NO_IMAGE_FOUND"`:       1,
		} {
			if got := value(t, metrics, fmt.Sprintf("credenza_picture_failures_total{%s,result=%q}", reason, result)); got != n {
				t.Errorf("%s, %s: %v, want %v", reason, result, got, n)
			}
		}
	}
}

func TestMetrics_ShowWhatIsStoredAndThatNothingCanBe(t *testing.T) {
	l := withData(t)
	if _, err := l.client.CreateJob(t.Context(), slices.Values(goods(50, nil)), credenza.JobSpec{}); err != nil {
		t.Fatal(err)
	}
	metrics := scrape(t, l.app)
	if value(t, metrics, `credenza_store_bytes{part="items"}`) == 0 || value(t, metrics, `credenza_store_limit_bytes{part="items"}`) != 1<<30 {
		t.Errorf("the metrics do not show what the job has stored:\n%s", metrics)
	}
	if value(t, metrics, "credenza_store_available") != 1 {
		t.Error("nothing can be stored at the start")
	}
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	l.becomes(t, false)
	metrics = scrape(t, l.app)
	if value(t, metrics, "credenza_store_available") != 0 || strings.Contains(metrics, "credenza_store_bytes{") {
		t.Error("the metrics do not show that the data folder is lost")
	}
}
