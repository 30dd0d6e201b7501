package credenza_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// startServer starts a service that answers offline, as `credenza serve` does, on a free
// port and with a temporary data folder.
func startServer() (address string, stop func()) {
	var config app.Config
	parser := kong.Must(&config)
	if _, err := parser.Parse([]string{"--backend=offline", "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0"}); err != nil {
		panic(err)
	}
	service, err := app.Start(context.Background(), config, app.Options{LogTo: io.Discard, Data: app.DataTemporary})
	if err != nil {
		panic(err)
	}
	return service.GRPCAddr(), func() { _ = service.Close(context.Background()) }
}

func Example() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	items := []credenza.Item{
		{ID: "1", ProductName: "Two-seat sofa", Description: "Linen cover, walnut legs"},
		{ID: "2", ProductName: "Desk lamp"},
		{ID: "3"},
	}
	for result, err := range client.ClassifyItems(context.Background(), slices.Values(items), credenza.Options{InOrder: true}) {
		switch {
		case err != nil: // the call failed
			fmt.Println(err)
			return
		case result.Err != nil: // this item failed, the others go on
			fmt.Println(result.ItemID, result.Err.Reason)
		default:
			fmt.Println(result.ItemID, result.Classification.Category)
		}
	}
	// Output:
	// 1 SOFA
	// 2 LIGHTING
	// 3 INVALID_ITEM
}

func ExampleClient_Classify() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	result, err := client.Classify(context.Background(), credenza.Item{ProductName: "Bed with storage, oak"}, credenza.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Classification.Category)
	// Output: BED
}

// Items are taken from the sequence as fast as the model answers, so they need not fit into
// memory.
func ExampleClient_ClassifyItems() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	items := func(yield func(credenza.Item) bool) {
		for i := range 10_000 {
			if !yield(credenza.Item{ID: fmt.Sprint(i), ProductName: "Oak bench"}) {
				return
			}
		}
	}
	benches := 0
	summary := credenza.OnSummary(func(s credenza.Summary) { fmt.Println(s.Succeeded, "succeeded") })
	for result, err := range client.ClassifyItems(context.Background(), items, credenza.Options{Bulk: true}, summary) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if result.Err == nil && result.Classification.Category == "BENCH" {
			benches++
		}
	}
	fmt.Println(benches, "benches")
	// Output:
	// 10000 succeeded
	// 10000 benches
}

// The server finds out which column is what. Here it is told that of one of them.
func ExampleClient_ClassifyRows() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	columns := []string{"SKU", "Bezeichnung", "Preis"}
	rows := slices.Values([][]string{
		{"7", "Bench or coffee table", "129,00"},
		{"8", "Desk lamp", "19,90"},
	})
	for result, err := range client.ClassifyRows(context.Background(), columns, rows,
		credenza.Options{InOrder: true}, credenza.Overrides{"product_name": "Bezeichnung"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.ItemID, result.Classification.Category)
		for _, a := range result.Classification.Alternatives[1:] {
			if a.Probability > 0.05 {
				fmt.Println("  or", a.Category)
			}
		}
	}
	// Output:
	// 7 BENCH
	//   or TABLE
	// 8 LIGHTING
}

// A job outlives its caller and its server. The token that comes with each batch goes on
// after it, also in another program.
func ExampleClient_CreateJob() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	items := slices.Values([]credenza.Item{{ID: "1", ProductName: "Two-seat sofa"}, {ID: "2", ProductName: "Desk lamp"}})
	job, err := client.CreateJob(context.Background(), items, credenza.JobSpec{Name: "Spring", RequestID: "spring-2027"})
	if err != nil {
		fmt.Println(err)
		return
	}
	watch := client.WatchJob(context.Background(), job.ID, "", credenza.WatchPatience(time.Hour))
	for batch, err := range watch.Batches() {
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = watch.Token() // stored with the batch's results, it resumes after them
		_ = batch.Results
	}
	fmt.Println(watch.Summary().Succeeded, "succeeded")
	// Output: 2 succeeded
}

// SubmitJob creates a job from a list, and ListJobResults returns what the caller wants to
// see of it.
func ExampleClient_ListJobResults() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	items := []credenza.Item{{ID: "1", ProductName: "Two-seat sofa"}, {ID: "2"}}
	job, err := client.SubmitJob(context.Background(), items, credenza.JobSpec{Name: "Spring", RequestID: "spring-2028"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, err := range client.Follow(context.Background(), credenza.JobPlace{JobID: job.ID}).Results() {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	failed := credenza.ResultQuery{Filter: credenza.FailedResults}
	for result, err := range client.ListJobResults(context.Background(), job.ID, failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.ItemID, result.Err.Reason)
	}
	// Output: 2 INVALID_ITEM
}

// Jobs fetches page by page while the loop runs.
func ExampleClient_Jobs() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	items := slices.Values([]credenza.Item{{ProductName: "Desk lamp"}})
	if _, err := client.CreateJob(context.Background(), items, credenza.JobSpec{Name: "Lamps"}); err != nil {
		fmt.Println(err)
		return
	}
	for job, err := range client.Jobs(context.Background(), credenza.JobQuery{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.Name, job.Progress.Total)
	}
	// Output: Lamps 1
}

// Every error of a call is an *Error with the code, the server's own reason, and the
// parts of the request that are wrong.
func ExampleError() {
	address, stop := startServer()
	defer stop()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	_, err = client.Classify(context.Background(), credenza.Item{ProductName: "Stool"}, credenza.Options{Model: "no-such-model"})
	if call, ok := errors.AsType[*credenza.Error](err); ok && call.Code == credenza.CodeInvalidArgument {
		fmt.Println(call.Reason)
		for _, violation := range call.Fields {
			fmt.Println(violation.Field)
		}
	}
	// Output:
	// UNKNOWN_MODEL
	// options.model
}
