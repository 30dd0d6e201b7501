package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// BenchmarkHits is of items that the cache answers, through gRPC, the client's work
// included.
func BenchmarkHits(b *testing.B) {
	_, url := testkit.ServeSimTCP(b, llmsim.Config{})
	c, err := parse("--openai-base-url="+url, "--log-level=warn")
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.Start(b.Context(), c, app.Options{Data: app.DataNone})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = a.Close(b.Context()) }()
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	items := make([]credenza.Item, 50_000)
	for i := range items {
		items[i] = credenza.Item{
			ID: fmt.Sprint(i), ProductName: fmt.Sprint("Lounge item ", i%500),
			Description: strings.Repeat("Solid oak frame with a woven seat, oiled by hand. ", 4),
		}
	}
	ask := func() {
		for r, err := range client.ClassifyStream(b.Context(), items, credenza.Options{}).Results() {
			if err != nil || r.Err != nil {
				b.Fatal(err, r.Err)
			}
		}
	}
	ask()
	n := 0
	for b.Loop() {
		ask()
		n += len(items)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "items/s")
}
