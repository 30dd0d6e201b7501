package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/credenza-dev/credenza/examples"
	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type demoCommand struct {
	Verbose    bool `short:"v" help:"Show the service's log."`
	app.Config `embed:""`
}

// Help is the second part of `credenza demo --help`.
func (*demoCommand) Help() string {
	return `Starts the service on free ports of this machine, sends it the sample catalogue in one ClassifyStream call, shows the batches as they come, and ends. Needs neither network nor key; with a key, the model answers, which costs about a hundred small calls.`
}

// Run shows the service at work.
func (c *demoCommand) Run(ctx context.Context, s streams) (err error) {
	items, err := sampleItems()
	if err != nil {
		return err
	}
	service, err := c.start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSoon(ctx, service)) }()
	client, err := credenza.Dial(service.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()

	printLine(s.out, "The service runs: gRPC on %s, HTTP on %s.", service.GRPCAddr(), service.HTTPAddr())
	if service.Backend() == "offline" {
		printLine(s.out, "No key is set, so the offline classifier answers.")
	} else {
		printLine(s.out, "%s answers.", c.Model)
	}
	printLine(s.out, "%d pieces of furniture go to it in one ClassifyStream call.\n", len(items))
	summary, err := showBatches(ctx, client, items, s.out)
	if err != nil {
		return err
	}
	showSummary(s.out, &summary)
	_, _ = fmt.Fprintln(s.out, tryNext()) // which keeps the error
	if summary.Failed > 0 {
		return errItemsFailed
	}
	return nil
}

// start starts the service on free loopback ports, without TLS and tokens.
func (c *demoCommand) start(ctx context.Context, s streams) (*app.App, error) {
	config := c.Config
	config.GRPCAddr, config.HTTPAddr, config.AdminAddr = "127.0.0.1:0", "127.0.0.1:0", ""
	config.TLSCert, config.TLSKey, config.TLSClientCA, config.TokenFile = "", "", "", ""
	log := io.Discard
	if c.Verbose {
		log = s.err
	}
	return app.Start(ctx, config, app.Options{LogTo: log, Data: app.DataTemporary})
}

func closeSoon(ctx context.Context, service *app.App) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return service.Close(ctx)
}

func sampleItems() ([]credenza.Item, error) {
	rows, err := table.NewReader(bytes.NewReader(examples.Catalogue), table.ReaderConfig{Name: "the sample catalogue"})
	if err != nil {
		return nil, err
	}
	var items []credenza.Item
	for row, err := range rows.Rows() {
		if err != nil {
			return nil, err
		}
		items = append(items, itemOf(table.MapRow(row, "")))
	}
	return items, nil
}

func showBatches(ctx context.Context, client *credenza.Client, items []credenza.Item, out io.Writer) (credenza.Summary, error) {
	start := time.Now()
	stream := client.ClassifyStream(ctx, items, credenza.Options{})
	for batch, err := range stream.Batches() {
		if ctx.Err() != nil {
			return credenza.Summary{}, errInterrupted
		}
		if err != nil {
			return credenza.Summary{}, err
		}
		printLine(out, "batch %d after %v: %s, %d of %d done", batch.ID,
			time.Since(start).Round(100*time.Microsecond), catalog.Count(len(batch.Results), "item"), batch.Progress.Done, len(items))
		for i := range batch.Results {
			showResult(out, &batch.Results[i])
		}
	}
	return stream.Summary(), nil
}

func showResult(out io.Writer, r *credenza.Result) {
	name := table.Printable(r.ProductName)
	if r.Err != nil {
		printLine(out, "  %-10s  %4s  %-12s  %s: %s", "failed", "", "", name, r.Err.Error())
		return
	}
	c := r.Classification
	printLine(out, "  %-10s  %.2f  %-12s  %s", c.Category, c.Confidence, c.PrimaryStyle, name)
}

func showSummary(out io.Writer, sum *credenza.Summary) {
	rate := ""
	if sum.Elapsed > 0 {
		rate = fmt.Sprintf(", %.0f items/s", float64(sum.Total)/sum.Elapsed.Seconds())
	}
	printLine(out, "\n%s: %d classified, %d failed, in %v%s, at most %d at once.", catalog.Count(sum.Total, "item"), sum.Succeeded, sum.Failed,
		sum.Elapsed.Round(100*time.Microsecond), rate, sum.PeakConcurrency)
	if sum.UpstreamCalls > 0 {
		printLine(out, "%s to the model, %s in, %d out.", catalog.Count(sum.UpstreamCalls, "call"), catalog.Count(sum.PromptTokens, "token"), sum.CompletionTokens)
	}
}

// tryNext returns commands to run after the demo. They work as printed, with this program
// and, in a clone, with its examples.
func tryNext() string {
	program, catalogue, labelled := programName(), "FILE.csv", "LABELLED.csv"
	if _, err := os.Stat("examples/catalogue.csv"); err == nil {
		catalogue, labelled = "examples/catalogue.csv", "examples/labelled.csv"
	}
	return fmt.Sprintf(`
What to try next:

  a file                %[1]s classify %[2]s --out results.csv
  how good it is        %[1]s eval %[3]s --label label --by room
  the categories        %[1]s taxonomy show
  a model's answers     export OPENAI_API_KEY=..., then any of these again
  a running service     %[1]s serve
  and in another shell  curl localhost:8000/credenza.v1.ClassificationService/Classify \
                          -H 'content-type: application/json' -d '{"item": {"product_name": "Walnut bench"}}'`,
		program, catalogue, labelled)
}

// programName returns the name of this program if the shell finds it, else the path that
// was used.
func programName() string {
	if _, err := exec.LookPath("credenza"); err == nil {
		return "credenza"
	}
	return os.Args[0]
}
