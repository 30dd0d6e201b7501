// Command bench measures the service. It has subcommands for the throughput and
// processor time compared to a yardstick, pictures, the cache, upstreams with quotas and
// faults, fake model servers, HTTP compared to gRPC, jobs, and the reading of difficult pictures and pages.
//
// Each program is a process of its own, so that its processor time is its own.
// Absolute figures depend on the machine; the shares and ratios are what counts.
//
// It runs on Linux, whose /proc shows a process's time.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// commands is the command line.
type commands struct {
	Bin     string        `default:".bin" help:"Folder with the credenza program."`
	Warm    time.Duration `default:"4s" help:"Time to reach the steady state."`
	Measure time.Duration `default:"10s" help:"Time measured."`

	Throughput throughputCommand `cmd:"" help:"Measure items a second next to a bare loop."`
	Pictures   picturesCommand   `cmd:"" help:"Measure pictures a second."`
	Hits       hitsCommand       `cmd:"" help:"Measure items that the cache answers."`
	Quota      quotaCommand      `cmd:"" help:"Play upstreams with limits, faults and outages."`
	Servers    serversCommand    `cmd:"" help:"Play a folder of fake model servers (needs python3)."`
	Web        webCommand        `cmd:"" help:"Measure HTTP next to gRPC."`
	Jobs       jobsCommand       `cmd:"" help:"Measure a job on the offline classifier."`
	Nasty      nastyCommand      `cmd:"" help:"Judge difficult pictures by a folder's manifest.csv."`
	Pages      pagesCommand      `cmd:"" help:"Judge saved pages by a folder's manifest.csv."`
}

// roles are the functions that this program runs in child processes.
var roles = map[string]func(ctx context.Context, args []string) error{
	"sim": runSim, "bare": runBare, "load": runLoad,
	"shop": runShop, "load-pictures": runPictures, "load-hits": runHits,
}

// run runs a role, or a command that prints to out.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && roles[args[0]] != nil {
		return roles[args[0]](ctx, args[1:])
	}
	var c commands
	helped := false
	parser, err := kong.New(&c, kong.Name("bench"), kong.Writers(out, out), kong.Exit(func(int) { helped = true }),
		kong.Description("Measures the service, each program in a process of its own."))
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	command.BindTo(out, (*io.Writer)(nil))
	return command.Run(bench{self: self, credenza: filepath.Join(c.Bin, "credenza"), warm: c.Warm, measure: c.Measure})
}
