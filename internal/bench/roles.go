package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	sim := must(llmsim.New(must(llmsim.ReadConfig(strings.NewReader(strings.Join(args, "\n")),
		llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: median, Sigma: sigma}}))))
	l := must(new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"))
	fmt.Println("ready", l.Addr())
	return sim.Run(ctx, l)
}

// runEcho sends back what comes on each connection, after the delay in its argument.
func runEcho(ctx context.Context, args []string) error {
	after := must(time.ParseDuration(args[0]))
	l := must(new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"))
	fmt.Println("ready", l.Addr())
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = conn.Close() }()
			for buffer := make([]byte, 4<<10); ; {
				n, err := conn.Read(buffer)
				if err != nil || sleep(ctx, after) != nil {
					return
				}
				if _, err := conn.Write(buffer[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// asker returns openai-go's client of a model's server, with many idle connections.
func asker(addr string, connections int, opts ...option.RequestOption) *openai.ChatCompletionService {
	client := openai.NewChatCompletionService(append(opts, option.WithBaseURL("http://"+addr+"/v1"),
		option.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}}))...)
	return &client
}

// runBare is the yardstick: what a Go programmer writes first. It asks the same
// questions with the same schema, without any of the service's care. The third
// argument says whether it asks for log-probabilities, which the service does.
func runBare(ctx context.Context, args []string) error {
	workers := must(strconv.Atoi(args[1]))
	p := must(prompt.New(must(taxonomy.Load(""))))
	var schema any
	check(json.Unmarshal([]byte(p.Schema()), &schema))
	client := asker(args[0], 2*workers, option.WithAPIKey("sk-bench"))
	fmt.Println("ready")
	var group errgroup.Group
	group.SetLimit(workers)
	for i := 0; ctx.Err() == nil; i++ {
		group.Go(func() error { return askBare(ctx, client, p, schema, args[2] == "logprobs", i) })
	}
	return group.Wait()
}

func askBare(ctx context.Context, client *openai.ChatCompletionService, p *prompt.Prompt, schema any, logprobs bool, i int) error {
	item := question(i)
	answer, err := client.New(ctx, openai.ChatCompletionNewParams{
		Model: "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.SystemMessage(p.System()),
			openai.UserMessage(string(p.AppendUser(nil, &catalog.Item{Name: item.ProductName, Description: item.Description}, false))),
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
	return load(ctx, args[0], credenza.Text, question)
}

// load makes one ClassifyStream call after the other, each of them long enough for the
// whole measurement.
func load(ctx context.Context, addr string, mode credenza.Mode, item func(i int) credenza.Item) error {
	client := must(dial(addr))
	defer func() { _ = client.Close() }()
	items := itemsOf(90_000, item)
	fmt.Println("ready")
	for {
		if err := classify(ctx, client, items, credenza.Options{Mode: mode}, failed); err != nil {
			return err
		}
	}
}

// question returns item i, with a text as long as that of an ordinary catalogue.
func question(i int) credenza.Item {
	return credenza.Item{
		ProductName: fmt.Sprintf("Lounge item %d", i),
		Description: strings.Repeat("Solid oak frame with a woven seat, oiled by hand. ", 4),
	}
}

func itemsOf(n int, item func(i int) credenza.Item) []credenza.Item {
	items := make([]credenza.Item, n)
	for i := range items {
		items[i] = item(i)
	}
	return items
}
