//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestClassify_LosesNothingWithItsTerminal has the terminal, or the program that reads the
// notes, end before the program does. What is in flight is waited for and kept.
func TestClassify_LosesNothingWithItsTerminal(t *testing.T) {
	const rows = 600
	// Programs that are started ignore what this one ignores, as it does under nohup, unless it
	// asks for the signal.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	hangUp := []syscall.Signal{syscall.SIGHUP, syscall.SIGHUP}
	for name, c := range map[string]struct {
		shell   string // before the program
		piped   bool   // standard error is a pipe that is not read to its end
		signals []syscall.Signal
		code    int
	}{
		"the terminal is closed":            {"", false, hangUp, exitInterrupted},
		"the terminal is closed, and nohup": {`trap "" HUP`, false, hangUp, exitOK},
		"nohup, and then interrupted":       {`trap "" HUP`, false, []syscall.Signal{syscall.SIGHUP, syscall.SIGINT}, exitInterrupted},
		"a tee is interrupted too":          {"", true, []syscall.Signal{syscall.SIGINT}, exitInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResumeTest(t, rows)
			out := filepath.Join(t.TempDir(), "out.csv")
			cmd := exec.Command("sh", append([]string{"-c", c.shell + "\nexec \"$0\" \"$@\"", os.Args[0]}, r.args(out)...)...)
			var notes *os.File
			if c.piped {
				read, written, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				cmd.Stderr = written
				defer written.Close()
				notes = read
			}
			p := runCommand(t, cmd)
			testkit.Await(t, "results are kept", func() bool {
				data, _ := os.ReadFile(out + ".part.journal")
				return strings.Contains(string(data), `"kept"`)
			})
			if notes != nil {
				if err := notes.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for n, s := range c.signals {
				if n > 0 && c.shell == "" {
					testkit.Await(t, "the first signal has come", func() bool { return strings.Contains(p.log.String(), "waiting for ") })
				}
				_ = p.cmd.Process.Signal(s)
			}
			<-p.ended
			if code := p.cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("got exit code %d and %s", code, p.log)
			}
			if c.code == exitInterrupted {
				credenzaWith(t, "", r.args(out, "--resume")...).expect(t, exitOK, fmt.Sprint(rows, " items classified"))
			}
			if stats := r.sim.Stats(); stats.Messages.ExtraPaid != 0 || stats.ByStatus["left"] != 0 {
				t.Errorf("%d were paid twice, %d cut off", stats.Messages.ExtraPaid, stats.ByStatus["left"])
			}
		})
	}
}
