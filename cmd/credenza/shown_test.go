package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

func resultOf(index int64, name string) credenza.Result {
	return credenza.Result{Index: index, ProductName: name, Classification: credenza.Classification{Category: "CHAIR", Confidence: 0.5}}
}

func TestTables_FitTheWholeFirstScreen(t *testing.T) {
	const want = "row  product            category  conf  style  because\n" +
		"  1  a                  CHAIR     0.50\n" +
		"  2  b                  CHAIR     0.50\n" +
		"  3  the longest of al  CHAIR     0.50\n"
	results := []credenza.Result{resultOf(0, "a"), resultOf(1, "b"), resultOf(2, "the longest of al"), resultOf(3, "longer than the first screen")}
	t.Run("of a job", func(t *testing.T) {
		var out bytes.Buffer
		w, err := resultfile.New(&out, resultfile.Layout{Format: table.Aligned, OfJob: true}, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range results {
			if err := writeResults(w, results[i:i+1]); err != nil {
				t.Fatal(err)
			}
			if i < 2 && out.Len() > 0 {
				t.Errorf("after %d rows, there is %q", i+1, out.String())
			}
		}
		if diff := cmp.Diff(want+"  4  longer than the …  CHAIR     0.50\n", out.String()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("of a file", func(t *testing.T) {
		var out bytes.Buffer
		w, err := resultfile.New(&out, resultfile.Layout{Format: table.Aligned}, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range results {
			if err := w.Write((&pendingRow{result: &results[i]}).fileRow()); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(false); err != nil {
				t.Fatal(err)
			}
			if i < 2 && out.Len() > 0 {
				t.Errorf("after %d rows, there is %q", i+1, out.String())
			}
		}
		if diff := cmp.Diff(want+"  4  longer than the …  CHAIR     0.50\n", out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTables_NeverCutANumber(t *testing.T) {
	got := credenzaWith(t, "name\n"+strings.Repeat("Oak chair\n", 1_200), "classify", "-", "--output=table")
	got.expect(t, exitOK, "1200 items classified")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "1200  Oak chair  ") {
		t.Errorf("the last line is %q", last)
	}
}

func talliedRun() *tally {
	return &tally{counts: counts{Rows: 50, Done: 50, Failures: map[string]int{"REFUSED": 2}, Pictures: map[string]int{"IMAGE_FORBIDDEN": 1}}}
}

func TestProgress_PrintsLinesWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		now := time.Now()
		p := &progress{lines: &progressLines{w: &out, start: now, last: now}}
		p.progressed(talliedRun(), 10, 0.6)
		if out.Len() > 0 {
			t.Errorf("at once, there is %q", out.String())
		}
		time.Sleep(lineEvery)
		p.progressed(talliedRun(), 10, 0.6)
		p.progressed(talliedRun(), 10, 0.6)
		time.Sleep(lineEvery)
		p.progressed(talliedRun(), 0, 0)
		const problems = ", 2 failed: 2 REFUSED, 1 went without their picture: 1 IMAGE_FORBIDDEN\n"
		want := "credenza: 50 of about 100 items, 5.0 items/s, about 10s left" + problems + "credenza: 50 items, 2.5 items/s" + problems
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestProgress_BarShowsTheRestAndTheErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newBar(&out, "classifying", 1)
		p.what = "classifying"
		for range 2 {
			time.Sleep(10 * time.Second)
			p.progressed(talliedRun(), 10, 0.6)
		}
		for _, want := range []string{"classifying, 2 failed: 2 REFUSED, 1 went without their picture: 1 IMAGE_FORBIDDEN", "(50/100, ", " items/", "[20s:"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in %q", want, out.String())
			}
		}
		if strings.Contains(out.String(), "\x1b[3") {
			t.Errorf("there are colours in %q", out.String())
		}
	})
}

// TestProgress_KnowsTheRowsOfASmallFile has files that are read at once: how much of them was
// read does not tell how many rows there are.
func TestProgress_KnowsTheRowsOfASmallFile(t *testing.T) {
	path := write(t, "rows.csv", "name\n"+strings.Repeat("Oak chair\n", 300))
	for flags, want := range map[rowFlags]float64{{}: 0.1, {Limit: 60}: 0.5, {Limit: 1000}: 0.1, {Sample: 60}: 0.5} {
		c := &classifyCommand{source: source{File: path}, rowFlags: flags}
		in, err := c.open(t.Context(), streams{})
		if err != nil {
			t.Fatal(err)
		}
		defer in.close()
		pick, err := c.selectRows(t.Context(), in)
		if got := pick.fraction(30, in.fraction()); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%+v: after 30 rows %v is done, %v; want %v", flags, got, err, want)
		}
	}
}

func TestProgress_BarIsShortOnANarrowTerminal(t *testing.T) {
	const whole = "classifying, 2 failed"
	for width, want := range map[int]string{0: whole, 40: "classifyin…", 60: "classifyin…", 72: "classifying…", 90: whole} {
		if got := shortened(whole, roomFor("classifying", width)); got != want {
			t.Errorf("%d: got %q, want %q", width, got, want)
		}
	}
}

func TestClassify_UsesTheAnswersOfTheDataFolder(t *testing.T) {
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{})
	dir := t.TempDir()
	for range 2 {
		credenzaWith(t, twoRows, "classify", "-", "--openai-api-key=sk-test", "--openai-base-url="+model, "--data-dir="+dir).
			expect(t, exitOK, "2 items classified")
	}
	if sim.Calls() != 2 {
		t.Errorf("%d calls for 2 items, classified twice", sim.Calls())
	}
}

func TestClassify_DoesWithoutADataFolderInUse(t *testing.T) {
	_, model := testkit.ServeSimTCP(t, llmsim.Config{})
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	awaitPort(t, runProgram(t, serverFlags(address, model, "--data-dir="+dir)...), address)
	credenzaWith(t, twoRows, "classify", "-", "--openai-api-key=sk-test", "--openai-base-url="+model, "--data-dir="+dir).
		expect(t, exitOK, "credenza: another process uses the data folder "+dir)
}
