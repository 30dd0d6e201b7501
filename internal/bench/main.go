// Command bench measures the service's throughput and its processor time beside
// a yardstick: a bare errgroup loop over openai-go, in the same run, against the
// same simulated model.
//
// Each program is a process of its own, so that its processor time is its own.
// Figures are of a steady state: the first seconds are left out, and the run is
// cut off while it is still at full load. The ideal is workers / mean latency,
// with the mean as the simulator measured it in the same seconds. Absolute
// figures depend on the machine; the shares and ratios are what counts.
//
// It runs on Linux, whose /proc tells a process's time.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the whole program. The first argument may name the role of a child
// process: this program starts itself for each.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "sim":
			return runSim(ctx, args[1:])
		case "bare":
			return runBare(ctx, args[1:])
		case "load":
			return runLoad(ctx, args[1:])
		case "shop":
			return runShop(ctx, args[1:])
		case "pictures":
			return runPictures(ctx, args[1:])
		case "hits":
			return runHits(ctx, args[1:])
		}
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	bin := flags.String("bin", ".bin", "folder with the credenza program")
	warm := flags.Duration("warm", 4*time.Second, "time to reach the steady state")
	measure := flags.Duration("measure", 10*time.Second, "time measured")
	quota := flags.Bool("quota", false, "play upstreams with limits, faults and outages instead")
	only := flags.String("only", "", "play only scenarios whose name matches this regular expression")
	rounds := flags.Int("rounds", 1, "how often each pair is measured")
	pictures := flags.String("pictures", "", "measure pictures instead: a folder with some, or \"generated\"")
	ways := flags.Bool("web", false, "measure HTTP beside gRPC instead")
	jobs := flags.Int("jobs", 0, "measure a job of so many items instead")
	nasty := flags.String("nasty", "", "judge difficult pictures instead: a folder with some and a manifest.csv")
	pages := flags.String("pages", "", "judge saved pages instead: a folder with some and a manifest.csv")
	hits := flags.Bool("hits", false, "measure the cache instead")
	if err := flags.Parse(args); err != nil {
		return err
	}
	matching, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := bench{self: self, credenza: filepath.Join(*bin, "credenza"), warm: *warm, measure: *measure}
	switch {
	case *jobs > 0:
		return b.jobTable(ctx, os.Stdout, *jobs)
	case *nasty != "":
		return nastyTable(ctx, os.Stdout, *nasty)
	case *pages != "":
		return pagesTable(ctx, os.Stdout, *pages)
	case *pictures != "":
		return b.pictureTable(ctx, os.Stdout, *pictures)
	case *hits:
		return b.hitTable(ctx, os.Stdout)
	case *ways:
		return b.webTable(ctx, os.Stdout)
	case *quota:
		return b.quotaTable(ctx, os.Stdout, matching)
	}
	return b.table(ctx, os.Stdout, *rounds)
}
