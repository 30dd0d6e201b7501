// Command bench measures the service. It has subcommands for the throughput and
// processor time compared to a yardstick, pictures, the cache, upstreams with quotas and
// faults, fake model servers, HTTP compared to gRPC, crowds of idle connections, jobs, and the reading of difficult pictures and pages.
//
// Each program is a process of its own, so that its processor time is its own.
// Absolute figures depend on the machine; the shares and ratios are what counts.
//
// It runs on Linux, whose /proc shows a process's time. An error ends a measurement: it
// is a panic of check or must, which run returns.
package main

import (
	"context"
	"errors"
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

// bench is the command line, and what its commands need.
type bench struct {
	Bin     string        `default:".bin" help:"Folder with the credenza program."`
	Warm    time.Duration `default:"4s" help:"Time to reach the steady state."`
	Measure time.Duration `default:"10s" help:"Time measured."`

	Throughput throughputCommand `cmd:"" help:"Measure items a second next to a bare loop."`
	Pictures   picturesCommand   `cmd:"" help:"Measure pictures a second."`
	Hits       hitsCommand       `cmd:"" help:"Measure items that the cache answers."`
	Quota      quotaCommand      `cmd:"" help:"Play upstreams with limits, faults and outages."`
	Servers    serversCommand    `cmd:"" help:"Play a folder of fake model servers (needs python3)."`
	Web        webCommand        `cmd:"" help:"Measure HTTP next to gRPC."`
	Crowd      crowdCommand      `cmd:"" help:"Measure calls while a thousand connections ask nothing."`
	Jobs       jobsCommand       `cmd:"" help:"Measure a job on the offline classifier."`
	Nasty      nastyCommand      `cmd:"" help:"Judge difficult pictures by a folder's manifest.csv."`
	Pages      pagesCommand      `cmd:"" help:"Judge saved pages by a folder's manifest.csv."`

	out            io.Writer
	self, credenza string // paths of programs
}

// roles are the functions that this program runs in child processes.
var roles = map[string]func(ctx context.Context, args []string) error{
	"sim": runSim, "echo": runEcho, "bare": runBare, "load": runLoad,
	"shop": runShop, "load-pictures": runPictures, "load-hits": runHits,
}

// run runs a role, or a command that prints to out.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	defer func() {
		v := recover()
		if failed, ok := v.(failure); ok {
			err = failed.error
		} else if v != nil {
			panic(v)
		}
	}()
	if len(args) > 0 && roles[args[0]] != nil {
		return roles[args[0]](ctx, args[1:])
	}
	b := &bench{out: out, self: must(os.Executable())}
	helped := false
	parser := must(kong.New(b, kong.Name("bench"), kong.Writers(out, out), kong.Exit(func(int) { helped = true }),
		kong.Description("Measures the service, each program in a process of its own.")))
	command, err := parser.Parse(args)
	if helped {
		return nil
	}
	check(err)
	b.credenza = filepath.Join(b.Bin, "credenza")
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(b)
}

// failure is the error that ends a measurement.
type failure struct{ error }

// check ends the measurement if there is an error. It may be called only on the goroutine
// of run.
func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// must returns v, or ends the measurement, as check does.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// errMissed is the error of a command whose figures miss a goal.
var errMissed = errors.New("the goal is missed")

// reached returns errMissed for false.
func reached(goals bool) error {
	if goals {
		return nil
	}
	return errMissed
}

func (b *bench) printf(format string, args ...any) { must(fmt.Fprintf(b.out, format, args...)) }

// row prints a line of a table of figures.
func (b *bench) row(cells ...any) {
	b.printf("%-8s %-10s %9s %10s %10s %8s %12s %12s\n", cells...)
}

func f1(v float64) string       { return fmt.Sprintf("%.1f", v) }
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
func us(d time.Duration) string { return fmt.Sprintf("%.1f us", float64(d)/1e3) }
func mib(n uint64) string       { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
func pct(v float64) string      { return fmt.Sprintf("%.1f %%", 100*v) }
