package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

const (
	// hitGoal is how many items a second the cache is to answer, with the client on
	// the same machine.
	hitGoal = "100000"
	// hitItems is how many items a call has, hitKinds how many of them differ.
	hitItems = 50_000
	hitKinds = 500
	hitCalls = 10
)

// hitsCommand measures items that the cache answers, compared to the offline classifier,
// whose items take the same steps except the last one.
type hitsCommand struct{}

// Run prints a row for each batch size and backend.
func (hitsCommand) Run(ctx context.Context, b *bench) error {
	b.row("batch", "program", "items/s", "goal", "", "", "CPU/item", "client")
	for _, size := range []string{"10", "100"} {
		b.measureHits(ctx, size, "offline", "", "CREDENZA_BACKEND=offline")
		b.measureHits(ctx, size, "cache", hitGoal)
	}
	return ctx.Err()
}

// measureHits has one client warm the cache up, and then another send all its calls.
func (b *bench) measureHits(ctx context.Context, size, backend, goal string, env ...string) {
	sim := b.role(ctx, "sim")
	defer sim.stop()
	server := b.service(ctx, sim.addr, env...)
	defer server.stop()
	b.role(ctx, "load-hits", server.addr, size, "1").stop()
	before := server.cpu()
	client := b.role(ctx, "load-hits", server.addr, size, strconv.Itoa(hitCalls))
	defer client.stop()
	const n = hitCalls * hitItems
	used, own, took := server.cpu()-before, client.cpu(), must(time.ParseDuration(client.addr))
	b.row(size, backend, f1(n/took.Seconds()), goal, "", "", us(used/n), us(own/n))
}

// runHits sends calls of equal items and prints how long they took. Its arguments are the
// service's address, the batch size and the number of calls.
func runHits(ctx context.Context, args []string) error {
	client := must(dial(args[0]))
	defer func() { _ = client.Close() }()
	options := credenza.Options{Mode: credenza.Text, BatchSize: must(strconv.Atoi(args[1]))}
	items := itemsOf(hitItems, func(i int) credenza.Item {
		item := question(i % hitKinds)
		item.ID = strconv.Itoa(i)
		return item
	})
	began := time.Now()
	for range must(strconv.Atoi(args[2])) {
		check(classify(ctx, client, items, options, failed))
	}
	fmt.Println("ready", time.Since(began))
	<-ctx.Done() // the parent has to read its processor time first
	return nil
}
