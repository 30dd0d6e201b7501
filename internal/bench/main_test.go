package main

import (
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCommandLine(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"--help"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"throughput", "pictures", "hits", "quota", "web", "crowd", "jobs", "nasty", "pages"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("the help does not name %s:\n%s", name, out.String())
		}
	}
	for _, args := range [][]string{{}, {"nothing"}, {"jobs", "many"}, {"nasty"}, {"quota", "--loud"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
