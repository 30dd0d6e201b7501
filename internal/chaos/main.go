// Command chaos plays faults against real processes while clients of all kinds are at work,
// and checks that nothing is lost, doubled or left behind.
//
// Two replicas share a NATS server, a third one has the embedded store on a small disk, and
// all ask a simulated model. Between clients, replicas, model and NATS are proxies that
// delay, cut, swallow and reset. Processes are killed and stopped, the disk is filled,
// certificates and tokens are replaced.
//
//	clients ── proxy ──> replica a ── proxy ──> NATS
//	                     replica b ── proxy ──> NATS
//	                     replica c (embedded store, small disk)
//	                     each     ── proxy ──> model
//
// Faults come in storms, and between two storms is a calm in which the throughput is
// measured. A first calm, before any fault, is the base line. The order and kind of the
// faults follow from the seed; what they meet does not, because processes have their own pace.
//
// An invariant that does not hold is printed as it is found, and the exit code is 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// options are the command line.
type options struct {
	bin      string
	duration time.Duration
	seed     uint64
	keep     bool
}

func main() {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's own lines
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == natsRole {
		return runNATS(ctx, args[1], args[2])
	}
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.StringVar(&o.bin, "bin", ".bin", "folder with the programs credenza and llmsim")
	flags.DurationVar(&o.duration, "duration", 10*time.Minute, "how long it takes, without the end of the last jobs")
	flags.Uint64Var(&o.seed, "seed", 0, "decides the faults; 0 takes one from the clock")
	flags.BoolVar(&o.keep, "keep", false, "keep the folder with the logs, which is kept after a failure too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixMilli())
	}
	return play(ctx, o)
}

// play builds the world, runs the plan and prints the report.
func play(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "credenza-chaos-")
	if err != nil {
		return err
	}
	fmt.Printf("seed %d, %v, logs in %s\n", o.seed, o.duration, filepath.Join(dir, "*.log"))
	book := newBook()
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	w, err := newWorld(ctx, abort, o, dir, book)
	if err != nil {
		return err
	}
	r, err := runPlan(ctx, w, planOf(o.duration))
	w.close()
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if n := book.violations(); n > 0 {
		return fmt.Errorf("%d violations, see above and %s", n, dir)
	}
	if o.keep {
		return nil
	}
	return os.RemoveAll(dir)
}
