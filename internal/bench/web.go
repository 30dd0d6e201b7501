package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// The comparison of the protocols. With as many workers as a batch has items, the first
// batch is the simulator's first answers, so that equal seeds give equal latencies.
const (
	webRounds  = 5
	webItems   = 300
	webWorkers = "10"
	// webGoal is the largest distance of the ratio of HTTP to gRPC from 1.
	webGoal = 0.03
)

// protocol sends n items to a server, to be answered in order, and calls got for each
// batch with the number of its results.
type protocol func(ctx context.Context, server *process, n int, got func(results int))

// webCommand measures the same items over both protocols, in turn.
type webCommand struct{}

// Run prints a row for each call, and the ratio of the protocols.
func (webCommand) Run(ctx context.Context, b *bench) error {
	b.row("seed", "protocol", "first", "items/s", "", "", "", "")
	var firsts, speeds []float64 // of HTTP, as a multiple of that of gRPC
	for seed := range webRounds {
		grpcFirst, grpcSpeed := b.measureCall(ctx, seed+1, "gRPC", overGRPC)
		httpFirst, httpSpeed := b.measureCall(ctx, seed+1, "HTTP", overHTTP)
		firsts = append(firsts, float64(httpFirst)/float64(grpcFirst))
		speeds = append(speeds, httpSpeed/grpcSpeed)
	}
	b.ratio("time to the first event", firsts)
	b.ratio("items/s", speeds)
	return ctx.Err()
}

func (b *bench) ratio(name string, ratios []float64) {
	slices.Sort(ratios)
	median, judgement := ratios[webRounds/2], "within"
	if math.Abs(median-1) > webGoal {
		judgement = "NOT within"
	}
	b.printf("%-24s HTTP / gRPC, median of %d: %.4f, %s %s of 1\n", name, webRounds, median, judgement, pct(webGoal))
}

// measureCall measures one call to a fresh service with a fresh simulator, after a call
// of one item that opens the connections. It returns the time to the first event, and
// the items a second.
func (b *bench) measureCall(ctx context.Context, seed int, name string, call protocol) (first time.Duration, rate float64) {
	sim := b.role(ctx, "sim", fmt.Sprintf("seed: %d", seed))
	defer sim.stop()
	server := b.service(ctx, sim.addr, "CREDENZA_MAX_WORKERS="+webWorkers, "TEXT_BATCH_SIZE="+webWorkers)
	defer server.stop()
	call(ctx, server, 1, func(int) {})
	total, began := 0, time.Now()
	call(ctx, server, webItems, func(results int) {
		if total == 0 {
			first = time.Since(began)
		}
		total += results
	})
	rate = float64(total) / time.Since(began).Seconds()
	if total != webItems {
		check(fmt.Errorf("%s: %d of %d items were answered", name, total, webItems))
	}
	b.row(strconv.Itoa(seed), name, ms(first), f1(rate), "", "", "", "")
	return first, rate
}

func overGRPC(ctx context.Context, server *process, n int, got func(int)) {
	client := must(dial(server.addr))
	defer func() { _ = client.Close() }()
	options := credenza.Options{Mode: credenza.Text, InOrder: true}
	for batch, err := range client.ClassifyStream(ctx, itemsOf(n, question), options).Batches() {
		check(err)
		got(len(batch.Results))
	}
}

func overHTTP(ctx context.Context, server *process, n int, got func(int)) {
	rows := make([]map[string]string, n)
	for i := range rows {
		rows[i] = map[string]string{"product_name": question(i).ProductName, "description": question(i).Description}
	}
	body := must(json.Marshal(map[string]any{"data": rows, "toggle": 1}))
	req := must(http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server.http+"/classify-category", bytes.NewReader(body)))
	res, err := http.DefaultClient.Do(req)
	check(err)
	defer func() { _ = res.Body.Close() }()
	readEvents(res.Body, got)
}

// readEvents reads events until the one for the end of all items.
func readEvents(stream io.Reader, got func(results int)) {
	for lines := bufio.NewReaderSize(stream, 1<<20); ; {
		text, ok := bytes.CutPrefix(must(lines.ReadBytes('\n')), []byte("data: "))
		if !ok {
			continue
		}
		var event struct {
			Results        []map[string]any `json:"results"`
			ProcessingType string           `json:"processing_type"`
			Error          string           `json:"error"`
		}
		check(json.Unmarshal(text, &event))
		if event.Error != "" && len(event.Results) == 0 {
			check(errors.New(event.Error))
		}
		if event.ProcessingType == "complete" {
			return
		}
		got(len(event.Results))
	}
}
