//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// lastWords calls back when it is read, and has nothing to say.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// held are the other ends of pipes, open until the tests are over: a goroutine may
// come to open its end at any time.
var held []*os.File

// TestInterruptedWhileAPipeIsOpened has no program at the other end of the pipe:
// without care, opening it never returns.
func TestInterruptedWhileAPipeIsOpened(t *testing.T) {
	for name, line := range map[string]string{
		"classify":   "classify PIPE",
		"eval":       "eval PIPE",
		"results":    "classify - --output=csv --out=PIPE",
		"the matrix": "eval - --confusion=PIPE",
	} {
		t.Run(name, func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var in io.Reader
			if strings.Contains(line, " - ") {
				in = io.MultiReader(strings.NewReader(labelled), readerFunc(cancel)) // rows are there, then it ends
			} else {
				cancel()
			}
			var out, notes bytes.Buffer
			code := run(ctx, strings.Fields(strings.ReplaceAll(line, "PIPE", pipe)), streams{in: in, out: &out, err: &notes})
			outcome{code, out.String(), notes.String()}.expect(t, exitInterrupted, "")
			both, err := os.OpenFile(pipe, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, both)
		})
	}
}
