package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"
	"github.com/openai/openai-go/shared"
	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// runSim serves the simulated model until it is killed. Its argument is YAML with changes
// to the default.
func runSim(ctx context.Context, args []string) error {
	config, err := llmsim.ReadConfig(strings.NewReader(strings.Join(args, "\n")),
		llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: median, Sigma: sigma}})
	if err != nil {
		return err
	}
	sim, err := llmsim.New(config)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("ready", l.Addr())
	return sim.Run(ctx, l)
}

// runBare is the yardstick: what a Go programmer writes first. It asks the same
// questions with the same schema, without any of the service's care. The third
// argument says whether it asks for log-probabilities, which the service does.
func runBare(ctx context.Context, args []string) error {
	workers, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	tax, err := taxonomy.Load("")
	if err != nil {
		return err
	}
	p, err := prompt.New(tax)
	if err != nil {
		return err
	}
	var schema any
	if err := json.Unmarshal([]byte(p.Schema()), &schema); err != nil {
		return err
	}
	client := openai.NewChatCompletionService(
		option.WithBaseURL("http://"+args[0]+"/v1"), option.WithAPIKey("sk-bench"),
		option.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxIdleConns: 2 * workers, MaxIdleConnsPerHost: 2 * workers}}))
	fmt.Println("ready")
	var group errgroup.Group
	group.SetLimit(workers)
	for i := 0; ctx.Err() == nil; i++ {
		group.Go(func() error { return askBare(ctx, &client, p, schema, args[2] == "logprobs", i) })
	}
	return group.Wait()
}

func askBare(ctx context.Context, client *openai.ChatCompletionService, p *prompt.Prompt, schema any, logprobs bool, i int) error {
	name, description := question(i)
	answer, err := client.New(ctx, openai.ChatCompletionNewParams{
		Model: "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.SystemMessage(p.System()),
			openai.UserMessage(string(p.AppendUser(nil, &catalog.Item{Name: name, Description: description}, false))),
		},
		Temperature: openai.Float(0),
		Logprobs:    openai.Bool(logprobs),
		ResponseFormat: openai.ChatCompletionNewParamsResponseFormatUnion{
			OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
				JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
					Name: "classification", Schema: schema, Strict: openai.Bool(true),
				},
			},
		},
	})
	if err != nil {
		return err
	}
	var answered struct {
		Category   string  `json:"category"`
		Confidence float64 `json:"confidence"`
	}
	return json.Unmarshal([]byte(answer.Choices[0].Message.Content), &answered)
}

// runLoad sends texts. Its argument is the service's address.
func runLoad(ctx context.Context, args []string) error {
	return load(ctx, args[0], credenza.Text, func(i int) credenza.Item {
		name, description := question(i)
		return credenza.Item{ProductName: name, Description: description}
	})
}

// load makes one ClassifyStream call after the other, each of them long enough for the
// whole measurement.
func load(ctx context.Context, addr string, mode credenza.Mode, item func(i int) credenza.Item) error {
	client, err := credenza.Dial(addr, credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	items := make([]credenza.Item, 90_000)
	for i := range items {
		items[i] = item(i)
	}
	fmt.Println("ready")
	for {
		for result, err := range client.ClassifyStream(ctx, items, credenza.Options{Mode: mode}).Results() {
			if err != nil {
				return err
			}
			if result.Err != nil {
				return errors.New(result.Err.Error())
			}
		}
	}
}

// question returns the text of item i, as long as an ordinary catalogue entry.
func question(i int) (name, description string) {
	name = fmt.Sprintf("Lounge item %d", i)
	return name, strings.Repeat("Solid oak frame with a woven seat, oiled by hand. ", 4)
}

// textItems returns n items with the texts of question.
func textItems(n int) []credenza.Item {
	items := make([]credenza.Item, n)
	for i := range items {
		items[i].ProductName, items[i].Description = question(i)
	}
	return items
}
