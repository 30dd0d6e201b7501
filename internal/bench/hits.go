package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

const (
	// hitGoal is how many items a second the cache is to answer, with the client on
	// the same machine.
	hitGoal = 100_000
	// hitItems is how many items a call has, hitKinds how many of them differ.
	hitItems = 50_000
	hitKinds = 500
	hitCalls = 10
)

// hitsCommand measures items that the cache answers, compared to the offline classifier,
// whose items take the same steps except the last one.
type hitsCommand struct{}

// Run prints a row for each batch size and backend.
func (hitsCommand) Run(ctx context.Context, b bench, w io.Writer) error {
	t := &table{w: w}
	t.row("batch", "program", "items/s", "goal", "", "", "CPU/item", "client")
	for _, size := range []int{10, 100} {
		for _, backend := range []string{"offline", "cache"} {
			got, err := b.withSim(ctx, func(ctx context.Context, sim *process) (rates, error) {
				return b.measureHits(ctx, sim, backend, size)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", backend, err)
			}
			goal := ""
			if backend == "cache" {
				goal = strconv.Itoa(hitGoal)
			}
			t.row(strconv.Itoa(size), backend, f1(got.rate), goal, "", "", us1(got.cpu), us1(got.sim))
		}
	}
	return t.err
}

func us1(d time.Duration) string { return fmt.Sprintf("%.1f us", float64(d)/1e3) }

// measureHits has one client warm the cache up, and then another send all its calls.
func (b bench) measureHits(ctx context.Context, sim *process, backend string, size int) (rates, error) {
	env := modelAt(sim.addr)
	if backend != "cache" {
		env = append(env, "CREDENZA_BACKEND="+backend)
	}
	server, err := b.service(ctx, nil, env...)
	if err != nil {
		return rates{}, err
	}
	defer server.stop()
	warm, err := b.role(ctx, "load-hits", server.addr, strconv.Itoa(size), "1")
	if err != nil {
		return rates{}, err
	}
	warm.stop()
	before, err := cpuTime(server.cmd.Process.Pid)
	if err != nil {
		return rates{}, err
	}
	client, err := b.role(ctx, "load-hits", server.addr, strconv.Itoa(size), strconv.Itoa(hitCalls))
	if err != nil {
		return rates{}, err
	}
	defer client.stop()
	after, own, err := cpuOf(server, client)
	if err != nil {
		return rates{}, err
	}
	took, err := time.ParseDuration(client.addr)
	if err != nil {
		return rates{}, err
	}
	n := hitCalls * hitItems
	return rates{rate: float64(n) / took.Seconds(), cpu: (after - before) / time.Duration(n), sim: own / time.Duration(n)}, nil
}

// runHits sends calls of equal items and prints how long they took. Its arguments are the
// service's address, the batch size and the number of calls.
func runHits(ctx context.Context, args []string) error {
	client, err := credenza.Dial(args[0], credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	calls, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	items := make([]credenza.Item, hitItems)
	for i := range items {
		name, description := question(i % hitKinds)
		items[i] = credenza.Item{ID: strconv.Itoa(i), ProductName: name, Description: description}
	}
	began := time.Now()
	for range calls {
		stream := client.ClassifyStream(ctx, items, credenza.Options{Mode: credenza.Text, BatchSize: size})
		for result, err := range stream.Results() {
			if err != nil {
				return err
			}
			if result.Err != nil {
				return errors.New(result.Err.Error())
			}
		}
	}
	fmt.Println("ready", time.Since(began))
	<-ctx.Done() // the parent has to read its processor time first
	return nil
}
