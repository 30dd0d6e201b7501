// Command credenza classifies furniture catalogues: as a service, or a file at a
// time.
//
//	credenza demo                          the service at work, in a second
//	credenza doctor                        whether the configured models work
//	credenza serve                         the service
//	credenza classify catalogue.csv        one file, without a service
//	credenza jobs submit large.csv         one file, in the background, on a service
//	credenza eval labelled.csv             how good the answers are
//	credenza taxonomy show                 the categories and styles
//	credenza health                        whether the service accepts calls
//	credenza tokens add shop               a caller of the service, and its token
//
// Every command but `taxonomy`, `tokens` and `jobs` takes the service's settings: `classify` and
// `eval` run the service within their own process if --server is not given. The output
// is the same either way, since items always go through gRPC.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
