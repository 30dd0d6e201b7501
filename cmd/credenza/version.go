package main

import (
	"fmt"
	"runtime"

	"github.com/credenza-dev/credenza/internal/app"
)

type versionCommand struct{}

// Run prints the version, and what the program was built with and for.
func (*versionCommand) Run(s streams) error {
	_, err := fmt.Fprintf(s.out, "credenza %s (commit %s, %s, %s/%s)\n", app.Version, app.Commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
