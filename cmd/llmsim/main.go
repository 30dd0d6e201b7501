// Command llmsim serves a simulated model behind OpenAI's Chat Completions API,
// for trying things out and for benchmarks.
//
//	llmsim --rpm 6000 --burst 100 &
//	OPENAI_BASE_URL=http://127.0.0.1:9090/v1 OPENAI_API_KEY=any credenza demo
//	curl -s http://127.0.0.1:9090/stats
//
// Everything that can go wrong with a provider is set in a YAML file, which
// package llmsim describes; flags go before it. It ends on SIGINT or SIGTERM.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llmsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "llmsim: "+publicText(err))
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags, err := parse(args, out)
	if err != nil || flags.helped {
		return err
	}
	config, err := flags.config()
	if err != nil {
		return err
	}
	sim, err := llmsim.New(config)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", flags.Addr)
	if err != nil {
		return fmt.Errorf("%w: choose another address with --addr, such as 127.0.0.1:0", err)
	}
	if _, err := fmt.Fprintf(out, "llmsim serves http://%s/v1, statistics at /stats\n", listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return sim.Run(ctx, listener)
}

// publicText is a fault's text without its reason, which is for programs.
func publicText(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Message
	}
	return err.Error()
}
