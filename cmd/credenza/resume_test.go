package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

const resumeWorkers = 16

// resumeTest runs the program over one catalogue, with a simulated model.
type resumeTest struct {
	sim   *llmsim.Server
	model string
	in    string
	rows  int
	more  []string // flags
}

func newResumeTest(t *testing.T, rows int) *resumeTest {
	t.Helper()
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Millisecond, Sigma: 1}})
	var in strings.Builder
	in.WriteString("\ufeffid;name;note\n")
	for i := range rows {
		fmt.Fprintf(&in, "%d;Stuhl %d aus Eiche;\"grün; 🪑\n=zweite Zeile %d\"\n", i, i, i)
	}
	return &resumeTest{sim: sim, model: model, in: write(t, "in.csv", in.String()), rows: rows}
}

func (r *resumeTest) args(out string, more ...string) []string {
	return append([]string{
		"classify", r.in, "--out", out, "--openai-api-key=sk-test", "--openai-base-url=" + r.model,
		fmt.Sprint("--max-workers=", resumeWorkers),
	}, slices.Concat(r.more, more)...)
}

// whole returns the output of a run that nothing interrupts.
func (r *resumeTest) whole(t *testing.T, ending string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "whole"+ending)
	credenzaWith(t, "", r.args(out)...).expect(t, exitOK, fmt.Sprint(r.rows, " items classified"))
	r.sim.ResetStats()
	return comparable(t, out)
}

// interrupted ends the program at random moments, by which that many calls were made, and
// returns the output of the run that reaches the end.
func (r *resumeTest) interrupted(t *testing.T, ending string, s syscall.Signal, points, calls int, seed uint64) string {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	out := filepath.Join(t.TempDir(), "out"+ending)
	for n := range points {
		p := runProgram(t, r.args(out, "--resume")...)
		within := 2 * calls / points
		if n == 0 { // An interrupted run finishes its window, so an early moment is needed.
			within = min(within, calls/4)
		}
		r.awaitCalls(p, r.sim.Calls()+int64(random.IntN(within)))
		p.end(s)
		code := p.cmd.ProcessState.ExitCode()
		if s == syscall.SIGINT && code == exitInterrupted && !strings.Contains(p.log.String(), "credenza: interrupted: ") {
			t.Errorf("an interrupted run says %s", p.log)
		}
		if code == exitOK {
			if n == 0 {
				t.Error("no run was interrupted")
			}
			return comparable(t, out)
		}
	}
	credenzaWith(t, "", r.args(out, "--resume")...).expect(t, exitOK, fmt.Sprint(r.rows, " items classified"))
	for _, suffix := range []string{".part", ".part.journal"} {
		if _, err := os.Stat(out + suffix); err == nil {
			t.Errorf("%s is left", suffix)
		}
	}
	return comparable(t, out)
}

// awaitCalls waits until the model has had the given number of calls, or the program has ended.
func (r *resumeTest) awaitCalls(p *program, calls int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.sim.Calls() < calls {
		select {
		case <-tick.C:
		case <-p.ended:
			return
		}
	}
}

// comparable returns what must be equal in a file of results, however many runs it took.
func comparable(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	switch filepath.Ext(path) {
	case ".jsonl":
		for line := range strings.Lines(string(data)) {
			var row map[string]any
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"cached", "attempts", "latency_ms"} {
				delete(row, key)
			}
			fmt.Fprintln(&text, row)
		}
	case ".xlsx":
		fmt.Fprint(&text, sheetRows(t, path))
	default:
		return string(data)
	}
	return text.String()
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func sheetRows(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := file.GetRows(file.GetSheetName(0))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestResume_GivesTheOutputOfAnUninterruptedRun(t *testing.T) {
	const rows = 600
	for _, c := range []struct {
		ending string
		points int
		flags  string
	}{{".csv", unlessRace(10), ""}, {".jsonl", unlessRace(3), ""}, {".xlsx", unlessRace(3), ""}, {".jsonl", unlessRace(3), "--as-completed"}} {
		t.Run(c.ending+c.flags, func(t *testing.T) {
			r := newResumeTest(t, rows)
			r.more = strings.Fields(c.flags)
			want := r.whole(t, c.ending)
			for name, s := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGKILL": syscall.SIGKILL} {
				t.Run(name, func(t *testing.T) {
					r.sim.ResetStats()
					got := r.interrupted(t, c.ending, s, c.points, rows, uint64(c.points))
					if c.flags != "" {
						want, got = sorted(want), sorted(got)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
					twice := r.sim.Stats().Messages.ExtraPaid
					t.Logf("%d of %d paid twice in %d interruptions", twice, rows, c.points)
					if s == syscall.SIGINT && twice != 0 || twice > int64(resumeWorkers*c.points) {
						t.Errorf("%d were paid twice", twice)
					}
				})
			}
		})
	}
}

func TestASecondInterruptionWaitsForNothing(t *testing.T) {
	_, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Hour}})
	out := filepath.Join(t.TempDir(), "out.csv")
	earlier := "id,name\n1,\n2,Oak chair\n" // the first row fails at once, and is kept
	p := runProgram(t, "classify", write(t, "in.csv", earlier), "--out", out, "--openai-api-key=sk-test", "--openai-base-url="+model)
	testkit.Await(t, "a result is kept", func() bool {
		data, _ := os.ReadFile(out + ".part")
		return strings.Contains(string(data), "INVALID_ITEM")
	})
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	testkit.Await(t, "it says what it waits for", func() bool {
		return strings.Contains(p.log.String(), "credenza: waiting for 1 item in flight: interrupt again to stop at once\n")
	})
	p.end(syscall.SIGINT)
	text := p.log.String()
	if code := p.cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(text, "credenza: interrupted: 0 items classified") ||
		!strings.Contains(text, out+".part has the results so far: continue with credenza classify ") {
		t.Errorf("got %d and %s", code, text)
	}
}
