package main

import (
	"io"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
)

// TestACrowd_LeavesOthersServed has a thousand connections send nothing, half a header, or
// resets, on each address. How long others take is measured by `make bench-web`. It comes
// after TestGoalsAreReached, by its file's name, since that one judges the process's peak memory.
func TestACrowd_LeavesOthersServed(t *testing.T) {
	const peers, calls = 1000, 20
	for _, kind := range crowds {
		for _, port := range []string{"gRPC", "HTTP"} {
			t.Run(kind.name+", "+port, func(t *testing.T) {
				a, err := app.Start(t.Context(), offline(t), app.Options{LogTo: io.Discard, Data: app.DataNone})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = a.Close(t.Context()) }()
				addr := a.GRPCAddr()
				if port == "HTTP" {
					addr = a.HTTPAddr()
				}
				leave := assemble(t.Context(), peers, addr, port, kind.act)
				defer leave()
				for i := range calls {
					if err := callGRPC(t.Context(), a.GRPCAddr(), i); err != nil {
						t.Errorf("a call over gRPC: %v", err)
					}
					if err := callHTTP(t.Context(), a.HTTPAddr(), i); err != nil {
						t.Errorf("a call over HTTP: %v", err)
					}
				}
			})
		}
	}
}

func offline(t *testing.T) (config app.Config) {
	t.Helper()
	parser, err := kong.New(&config, kong.Resolvers(app.FileResolver()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--backend=offline"}); err != nil {
		t.Fatal(err)
	}
	return config
}
