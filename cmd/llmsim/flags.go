package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llmsim"
)

// flags are the settings that are changed most; the file has them all. Those
// that are nil were not given and leave the file's value alone.
type flags struct {
	Addr   string         `default:"127.0.0.1:9090" env:"LLMSIM_ADDR" help:"Address to listen on; port 0 takes a free one."`
	Config string         `type:"path" env:"LLMSIM_CONFIG" placeholder:"FILE" help:"YAML file with the server's nature."`
	Seed   *uint64        `env:"LLMSIM_SEED" help:"Decides latencies and random mishaps."`
	Median *time.Duration `env:"LLMSIM_MEDIAN" placeholder:"200ms" help:"Median latency of an answer."`
	Sigma  *float64       `env:"LLMSIM_SIGMA" placeholder:"0.5" help:"Spread of the lognormal latency; 0 makes it fixed."`
	RPM    *int64         `name:"rpm" env:"LLMSIM_RPM" help:"Requests per minute for each key, as a token bucket."`
	TPM    *int64         `name:"tpm" env:"LLMSIM_TPM" help:"Tokens per minute for each key, as a token bucket."`
	Burst  *int64         `env:"LLMSIM_BURST" help:"Requests that a full bucket holds (default: a minute's)."`
	Slots  *int           `env:"LLMSIM_SLOTS" help:"Calls worked on at once; the others queue (default: any number)."`
	Keys   []string       `env:"LLMSIM_KEYS" placeholder:"KEY" help:"The keys that are served (default: any)."`

	Behaviour []string `env:"LLMSIM_BEHAVIOUR" placeholder:"NAME" help:"Behave as these: ${behaviours}."`

	helped bool // the help was asked for and shown
}

func parse(args []string, out io.Writer) (flags, error) {
	var f flags
	parser, err := kong.New(&f, kong.Name("llmsim"), kong.Writers(out, out), kong.Exit(func(int) { f.helped = true }),
		kong.Vars{"behaviours": strings.Join(llmsim.Behaviours(), ", ")},
		kong.Description("A simulated model behind OpenAI's Chat Completions API."))
	if err != nil {
		return f, err
	}
	_, err = parser.Parse(args)
	if f.helped {
		err = nil // after the help, kong goes on with what is left
	}
	return f, err
}

// config returns that of the file, or a plausible small model without one, with the
// flags over it.
func (f flags) config() (llmsim.Config, error) {
	c := llmsim.Config{Latency: llmsim.DefaultLatency()}
	if f.Config != "" {
		file, err := os.Open(f.Config)
		if err != nil {
			return c, fault.Wrap(err, fault.InvalidRequest, "the file of --config cannot be opened: %v", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		if c, err = llmsim.ReadConfig(file, c); err != nil {
			return c, err
		}
	}
	set(&c.Seed, f.Seed)
	set(&c.Latency.Median, f.Median)
	set(&c.Latency.Sigma, f.Sigma)
	set(&c.Slots, f.Slots)
	if f.RPM != nil {
		c.Quota.Requests = llmsim.Limit{Amount: *f.RPM, Per: time.Minute}
	}
	if f.TPM != nil {
		c.Quota.Tokens = llmsim.Limit{Amount: *f.TPM, Per: time.Minute}
	}
	set(&c.Quota.Requests.Burst, f.Burst)
	if len(f.Keys) > 0 {
		c.Keys = nil
	}
	if len(f.Behaviour) > 0 {
		c.Behaviours = f.Behaviour
	}
	for _, secret := range f.Keys {
		c.Keys = append(c.Keys, llmsim.Key{Secret: secret})
	}
	return c, nil
}

// set overrides a value if its flag is given.
func set[T any](value, flag *T) {
	if flag != nil {
		*value = *flag
	}
}
