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
	webWorkers = 10
	// webGoal is the largest distance of the ratio of HTTP to gRPC from 1.
	webGoal = 0.03
)

// protocol is gRPC or HTTP.
type protocol struct {
	name string
	// call sends n items, to be answered in order, and calls got for each batch with
	// the number of its results.
	call func(ctx context.Context, server *process, n int, got func(results int)) error
}

// observation is what a caller measured of one call.
type observation struct {
	first time.Duration // to the first event
	rate  float64       // items a second
}

// webCommand measures the same items over both protocols, in turn.
type webCommand struct{}

// Run prints a row for each call, and the ratio of the protocols.
func (webCommand) Run(ctx context.Context, b bench, w io.Writer) error {
	t := &table{w: w}
	t.row("seed", "protocol", "first", "items/s", "", "", "", "")
	protocols := []protocol{{"gRPC", overGRPC}, {"HTTP", overHTTP}}
	all := make([][]observation, len(protocols))
	for round := range webRounds {
		for i, protocol := range protocols {
			h, err := b.measureCall(ctx, protocol, round+1)
			if err != nil {
				return fmt.Errorf("%s: %w", protocol.name, err)
			}
			all[i] = append(all[i], h)
			t.row(strconv.Itoa(round+1), protocol.name, ms(h.first), f1(h.rate), "", "", "", "")
		}
	}
	first := func(h observation) float64 { return h.first.Seconds() }
	rate := func(h observation) float64 { return h.rate }
	for name, figure := range map[string]func(observation) float64{"time to the first event": first, "items/s": rate} {
		ratio := medianRatio(all[1], all[0], figure)
		judgement := "within"
		if math.Abs(ratio-1) > webGoal {
			judgement = "NOT within"
		}
		t.printf("%-24s HTTP / gRPC, median of %d: %.4f, %s %s of 1\n", name, webRounds, ratio, judgement, pct(webGoal))
	}
	return t.err
}

// medianRatio compares calls of equal seeds with each other.
func medianRatio(a, b []observation, figure func(observation) float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = figure(a[i]) / figure(b[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// measureCall measures one call to a fresh service with a fresh simulator, after a call
// of one item that opens the connections.
func (b bench) measureCall(ctx context.Context, protocol protocol, seed int) (observation, error) {
	sim, err := b.role(ctx, "sim", fmt.Sprintf("seed: %d", seed))
	if err != nil {
		return observation{}, err
	}
	defer sim.stop()
	workers := strconv.Itoa(webWorkers)
	server, err := b.service(ctx, nil, modelAt(sim.addr, "CREDENZA_MAX_WORKERS="+workers, "TEXT_BATCH_SIZE="+workers)...)
	if err != nil {
		return observation{}, err
	}
	defer server.stop()
	if err := protocol.call(ctx, server, 1, func(int) {}); err != nil {
		return observation{}, err
	}
	var h observation
	total, began := 0, time.Now()
	err = protocol.call(ctx, server, webItems, func(results int) {
		if total == 0 {
			h.first = time.Since(began)
		}
		total += results
	})
	h.rate = float64(total) / time.Since(began).Seconds()
	if err == nil && total != webItems {
		err = fmt.Errorf("%d of %d items were answered", total, webItems)
	}
	return h, err
}

func overGRPC(ctx context.Context, server *process, n int, got func(int)) error {
	client, err := credenza.Dial(server.addr, credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	for batch, err := range client.ClassifyStream(ctx, textItems(n), credenza.Options{Mode: credenza.Text, InOrder: true}).Batches() {
		if err != nil {
			return err
		}
		got(len(batch.Results))
	}
	return nil
}

func overHTTP(ctx context.Context, server *process, n int, got func(int)) error {
	rows := make([]map[string]string, n)
	for i := range rows {
		name, description := question(i)
		rows[i] = map[string]string{"product_name": name, "description": description}
	}
	body, err := json.Marshal(map[string]any{"data": rows, "toggle": 1})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server.http+"/classify-category", bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return readEvents(res.Body, got)
}

// readEvents reads events until the one for the end of all items.
func readEvents(stream io.Reader, got func(results int)) error {
	lines := bufio.NewReaderSize(stream, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("before the last event: %w", err)
		}
		text, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var event struct {
			Results        []map[string]any `json:"results"`
			ProcessingType string           `json:"processing_type"`
			Error          string           `json:"error"`
		}
		switch err := json.Unmarshal(text, &event); {
		case err != nil:
			return err
		case event.Error != "" && len(event.Results) == 0:
			return errors.New(event.Error)
		case event.ProcessingType == "complete":
			return nil
		}
		got(len(event.Results))
	}
}
