package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// halfDone begins a catalogue and interrupts the run when some calls were made. It returns
// the file of results.
func (r *resumeTest) halfDone(t *testing.T, more ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.csv")
	p := runProgram(t, r.args(out, more...)...)
	testkit.Await(t, "rows are written", func() bool {
		data, _ := os.ReadFile(out + ".part")
		return strings.Count(string(data), "Stuhl") > 20
	})
	p.end(syscall.SIGINT)
	if code := p.cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("got %d: %s", code, p.log)
	}
	return out
}

func (r *resumeTest) append(t *testing.T, rows string) {
	t.Helper()
	if err := os.WriteFile(r.in, []byte(content(t, r.in)+rows), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestResume_RefusesWhatHasChanged(t *testing.T) {
	const rows = 3000
	t.Run("an input without its last rows", func(t *testing.T) {
		r := newResumeTest(t, rows)
		out := r.halfDone(t)
		lines := strings.SplitAfter(content(t, r.in), "\n")
		if err := os.WriteFile(r.in, []byte(strings.Join(lines[:11], "")), 0o600); err != nil {
			t.Fatal(err)
		}
		credenzaWith(t, "", r.args(out, "--resume")...).expect(t, exitFailed, "in.csv has changed since "+out+".part was begun")
	})
	t.Run("a sample of more rows", func(t *testing.T) {
		r := newResumeTest(t, rows)
		out := r.halfDone(t, "--sample=2000")
		r.append(t, "x;Stuhl;\n")
		credenzaWith(t, "", r.args(out, "--resume", "--sample=2000")...).expect(t, exitFailed, `--sample "2000 of 3000", now it is "2000 of 3001"`)
	})
	t.Run("other settings", func(t *testing.T) {
		r := newResumeTest(t, rows)
		out := r.halfDone(t)
		for flag, want := range map[string]string{
			"--openai-model=other":   `--openai-model "gpt-6-luna", now it is "other"`,
			"--review-below=0.7":     `--review-below "0.5", now it is "0.7"`,
			"--fail-without-picture": `--fail-without-picture "false", now it is "true"`,
			"--output=jsonl":         `--output "csv", now it is "jsonl"`,
			"--prefix=x_":            `--prefix "credenza_", now it is "x_"`,
			"--taxonomy=" + write(t, "t.yaml", "categories:\n  - name: SHOES\n  - name: BAGS\n"): `the taxonomy "`,
		} {
			credenzaWith(t, "", r.args(out, "--resume", flag)...).expect(t, exitFailed, out+".part was begun with "+want)
		}
	})
	t.Run("a key that is left out", func(t *testing.T) {
		r := newResumeTest(t, rows)
		out := r.halfDone(t)
		credenzaWith(t, "", "classify", r.in, "--out", out, "--resume").expect(t, exitFailed, `--backend "a model", now it is "offline"`)
	})
}

// TestResume_OfAnEarlierVersion takes settings out of the journal.
func TestResume_OfAnEarlierVersion(t *testing.T) {
	r := newResumeTest(t, 3000)
	out := r.halfDone(t)
	forget := func(names ...string) {
		first, rest, _ := strings.Cut(content(t, out+".part.journal"), "\n")
		var begun struct {
			Subject map[string]string `json:"subject"`
		}
		err := json.Unmarshal([]byte(first), &begun)
		for _, name := range names {
			if begun.Subject[name] == "" {
				t.Errorf("%s is not noted", name)
			}
			delete(begun.Subject, name)
		}
		changed, marshalled := json.Marshal(begun)
		if err := errors.Join(err, marshalled, os.WriteFile(out+".part.journal", []byte(string(changed)+"\n"+rest), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	resume := func(flags ...string) outcome {
		return credenzaWith(t, "", r.args(out, append(flags, "--resume")...)...)
	}
	forget("--server", "--review-below", "--fail-without-picture")
	resume("--fail-without-picture").expect(t, exitFailed, out+".part was begun by a program of another version, which did not note --fail-without-picture: continue")
	resume("--server="+service(t)).expect(t, exitFailed, "which did not note --server: continue")
	resume().expect(t, exitOK, "3000 items classified")
	out = r.halfDone(t)
	forget("--openai-model")
	resume().expect(t, exitFailed, "which did not note --openai-model: continue with that version, or give --overwrite to begin again")
}

// TestResume_ByAServer goes on with a server in place of the service within the process, the
// reverse, and with servers of other settings.
func TestResume_ByAServer(t *testing.T) {
	r := newResumeTest(t, 3000)
	serve := func(flags ...string) string {
		return "--server=" + service(t, append([]string{"--openai-api-key=sk-test", "--openai-base-url=" + r.model}, flags...)...)
	}
	first, same, other := serve("--openai-model=model-a"), serve("--openai-model=model-a"), serve("--openai-model=model-b")
	const token = "open-sesame-123456"
	untold := serve("--openai-model=model-a", "--token-file="+
		write(t, "tokens.yaml", fmt.Sprintf("- name: shop\n  sha256: %x\n  scopes: [classify]\n", sha256.Sum256([]byte(token)))))
	own := serve("--openai-model=model-a", "--taxonomy="+write(t, "t.yaml", "categories:\n  - name: SHOES\n  - name: BAGS\n"))
	refused := func(t *testing.T, out, want string, flags ...string) {
		t.Helper()
		credenzaWith(t, "", r.args(out, append(flags, "--resume")...)...).expect(t, exitFailed, out+".part was begun with "+want)
	}
	t.Run("begun in the process", func(t *testing.T) {
		refused(t, r.halfDone(t, "--openai-model=model-a"), `--server "not given", now it is "given"`, other)
	})
	t.Run("begun by a server", func(t *testing.T) {
		out := r.halfDone(t, first)
		refused(t, out, `--server "given", now it is "not given"`)
		refused(t, out, `the server's model "model-a", now it is "model-b"`, other)
		refused(t, out, `the taxonomy "`, own)
		t.Setenv(tokenVariable, token)
		refused(t, out, `the server's model "model-a", now it is "not told"`, untold)
		credenzaWith(t, "", r.args(out, same, "--resume")...).expect(t, exitOK, "3000 items classified")
	})
}

// TestResume_MixedRowsAsCompleted has rows that cannot be read between those that are asked.
func TestResume_MixedRowsAsCompleted(t *testing.T) {
	const rows = 600
	var in strings.Builder
	for i := range rows {
		if i%5 == 3 {
			fmt.Fprintf(&in, "{\"id\":\"%d\",\"name\":}\n", i)
			continue
		}
		fmt.Fprintf(&in, "{\"id\":\"%d\",\"name\":\"Stuhl %d\"}\n", i, i)
	}
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Millisecond, Sigma: 1}})
	r := &resumeTest{sim: sim, model: model, in: write(t, "in.jsonl", in.String()), rows: rows, more: []string{"--as-completed"}}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(s.String(), func(t *testing.T) {
			r.sim.ResetStats()
			out := filepath.Join(t.TempDir(), "out.jsonl")
			for point := range 8 {
				p := runProgram(t, r.args(out, "--resume")...)
				r.awaitCalls(p, r.sim.Calls()+int64(20+7*point))
				p.end(s)
				if _, err := os.Stat(out); err == nil {
					break
				}
			}
			if _, err := os.Stat(out); err != nil {
				credenzaWith(t, "", r.args(out, "--resume")...).expect(t, exitFailed, "480 items classified")
			}
			var got, want []float64
			for index := range answers(t, content(t, out)) {
				got = append(got, index)
			}
			for i := range rows {
				want = append(want, float64(i))
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || strings.Count(content(t, out), "\n") != rows {
				t.Errorf("%d lines, %s", strings.Count(content(t, out), "\n"), diff)
			}
		})
	}
}

func TestASecondInterruption_NamesAFileThatHasResultsInItsJournalOnly(t *testing.T) {
	_, model := testkit.ServeSimTCP(t, llmsim.Config{Latency: llmsim.Latency{Median: 300 * time.Millisecond, Sigma: 2}})
	r := &resumeTest{model: model, in: write(t, "in.csv", "id,name\n")}
	var rows strings.Builder
	for i := range 60 {
		fmt.Fprintf(&rows, "%d,Stuhl %d\n", i, i)
	}
	r.append(t, rows.String())
	out := filepath.Join(t.TempDir(), "out.csv")
	p := runProgram(t, r.args(out)...)
	testkit.Await(t, "a result is kept", func() bool {
		data, _ := os.ReadFile(out + ".part.journal")
		return strings.Contains(string(data), `"kept"`)
	})
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	testkit.Await(t, "it waits", func() bool { return strings.Contains(p.log.String(), "interrupt again to stop at once") })
	p.end(syscall.SIGINT)
	if text := p.log.String(); !strings.Contains(text, out+".part has the results so far: continue with credenza classify ") {
		t.Error(text)
	}
}

func TestOnlyFailed_KnowsTheRowsOfASheetAgain(t *testing.T) {
	in := "id;name;price;note\n007;Oak chair;1.50;\"a\r\nb\"\n8;;;\n9;Lamp;1e3;" + strings.Repeat("ä", 33_000) + "\n10;Rug;-0.10; lead \n11;=Bed;12345678901234567890;TRUE\n"
	path, out := write(t, "in.csv", in), filepath.Join(t.TempDir(), "out.xlsx")
	credenzaWith(t, "", "classify", path, "--out", out).expect(t, exitFailed, "4 items classified")
	want := sheetRows(t, out)
	credenzaWith(t, "", "classify", path, "--out", out, "--only-failed").expect(t, exitFailed, "4 kept, 1 failed: 1 INVALID_ITEM")
	if diff := cmp.Diff(want, sheetRows(t, out)); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyFailed_RefusesResultsOfMoreRows(t *testing.T) {
	for _, ending := range []string{".csv", ".jsonl", ".xlsx"} {
		out := filepath.Join(t.TempDir(), "out"+ending)
		credenzaWith(t, twoRows, "classify", "-", "--out", out).expect(t, exitOK, "2 items classified")
		before := content(t, out)
		first := strings.Join(strings.SplitAfter(twoRows, "\n")[:2], "")
		credenzaWith(t, first, "classify", "-", "--out", out, "--only-failed").expect(t, exitFailed, "has more rows than the 1 of the input")
		if content(t, out) != before {
			t.Errorf("%s was changed", out)
		}
	}
}

// TestOnlyFailed_RefusesOtherColumns has results whose columns are not those that are written
// now: the rows that are kept would have lost them.
func TestOnlyFailed_RefusesOtherColumns(t *testing.T) {
	labelled := "id,name,type,label\na,Oak chair,Dining chair,CHAIR\nb,Linen sofa,Sofa,SOFA\n"
	for _, ending := range []string{".csv", ".xlsx"} {
		for name, c := range map[string]struct{ in, first, again, want string }{
			"the same":         {twoRows, "--prefix=my_ --trace", "--prefix=my_ --trace", ""},
			"another prefix":   {twoRows, "--prefix=my_", "", "was made of another FILE or with another --prefix: credenza_category does not follow"},
			"a column more":    {labelled, "", "", "was made of another FILE or with another --prefix"},
			"no longer traced": {twoRows, "--trace", "", "was made with --trace: give it again"},
			"traced now":       {twoRows, "", "--trace", "was made without --trace: leave it out"},
		} {
			out := filepath.Join(t.TempDir(), "out"+ending)
			first := append([]string{"classify", "-", "--out", out}, strings.Fields(c.first)...)
			credenzaWith(t, twoRows, first...).expect(t, exitOK, "2 items classified")
			before := content(t, out)
			got := credenzaWith(t, c.in, append([]string{"classify", "-", "--only-failed", "--out", out}, strings.Fields(c.again)...)...)
			if c.want == "" {
				got.expect(t, exitOK, "2 kept")
				continue
			}
			got.expect(t, exitFailed, c.want)
			if _, err := os.Stat(out + ".part"); !errors.Is(err, fs.ErrNotExist) || content(t, out) != before {
				t.Errorf("%s%s: the results were changed, or something is half done (%v)", name, ending, err)
			}
		}
	}
}

func TestClassifyFolder_GoesOnAfterAPictureThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.png", "c.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "empty.png"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("none", filepath.Join(dir, "b.png")); err != nil {
		t.Fatal(err)
	}
	got := credenzaWith(t, "", "classify", dir, "--output=csv")
	got.expect(t, exitFailed, "2 items classified")
	rows := records(t, got.out)
	errs := columnOf(t, rows, "credenza_error")
	if len(errs) != 4 || errs[0] != "" || errs[2] != "" || !strings.Contains(errs[1], "the picture cannot be read") || !strings.Contains(errs[3], "it is empty") {
		t.Errorf("got %q", errs)
	}
}

func TestClassifyDryRun_CountsRowsThatCannotBeRead(t *testing.T) {
	in := write(t, "in.jsonl", `{"name":"Oak chair"}`+"\n"+`{"name":}`+"\n"+`{"name":"Sofa"}`+"\n")
	got := credenzaWith(t, "", "classify", in, "--dry-run")
	got.expect(t, exitOK, "")
	if !strings.HasPrefix(got.out, "rows      3, 1 of which cannot be read\n") {
		t.Error(got.out)
	}
	credenzaWith(t, "", "classify", in, "--dry-run", "--resume", "--out=x.csv").expect(t, exitUsage, "--dry-run counts all rows of FILE")
}

func TestInput_OfASheetHasNoFraction(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.xlsx")
	in := write(t, "in.csv", twoRows)
	credenzaWith(t, "", "classify", in, "--out", out).expect(t, exitOK, "")
	for path, want := range map[string]float64{in: 1, out: 0} {
		opened, err := (&source{File: path}).open(t.Context(), streams{})
		if err != nil {
			t.Fatal(err)
		}
		if got := opened.fraction(); got != want {
			t.Errorf("%s: %v was read, want %v", path, got, want)
		}
		opened.close()
	}
}

var interruptions = flag.Int("interruptions", unlessRace(3), "how often each catalogue of variants is interrupted, each time at another moment")

// unlessRace is how often a test repeats itself: once under the race detector.
func unlessRace(times int) int {
	if testkit.Race {
		return 1
	}
	return times
}

// variants is a catalogue of products with some rows each. The rows of a product are the
// given number of rows apart, and the last two products are each other's copies.
func variants(products, rowsEach, apart int) string {
	var in strings.Builder
	in.WriteString("Handle,Title,Variant SKU,Image Position\n")
	for first := 0; first < products; first += apart {
		for row := range rowsEach {
			for i := first; i < min(first+apart, products); i++ {
				title := ""
				if row == 0 {
					title = fmt.Sprint("Stuhl ", min(i, products-2))
				}
				fmt.Fprintf(&in, "h%d,%s,s%d-%d,%d\n", i, title, i, row, row+1)
			}
		}
	}
	return in.String()
}

// TestResume_PaysNoProductTwice interrupts the program between the rows of a product.
func TestResume_PaysNoProductTwice(t *testing.T) {
	const products, rowsEach = 150, 5
	for _, c := range []struct {
		apart  int
		ending string
		flags  string
	}{{1, ".csv", ""}, {30, ".csv", ""}, {30, ".jsonl", ""}, {30, ".xlsx", ""}, {40, ".jsonl", "--as-completed"}} {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%d apart%s%s %v", c.apart, c.ending, c.flags, s), func(t *testing.T) {
				r := newResumeTest(t, products*rowsEach)
				r.in = write(t, "shop.csv", variants(products, rowsEach, c.apart))
				r.more = strings.Fields(c.flags)
				want := r.whole(t, c.ending)
				got := r.interrupted(t, c.ending, s, *interruptions, products/2, uint64(c.apart))
				if c.flags != "" {
					want, got = sorted(want), sorted(got)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				twice := r.sim.Stats().Messages.ExtraPaid
				t.Logf("%d of %d products paid twice in %d interruptions", twice, products, *interruptions)
				if s == syscall.SIGINT && twice != 0 || twice > int64(resumeWorkers**interruptions) {
					t.Errorf("%d were paid twice", twice)
				}
			})
		}
	}
}

// TestResume_AsksForEachDescription has rows that differ in their descriptions alone.
func TestResume_AsksForEachDescription(t *testing.T) {
	const rows = 600
	r := newResumeTest(t, rows)
	var in strings.Builder
	in.WriteString("id;name;description\n")
	for i := range rows {
		fmt.Fprintf(&in, "%d;Stuhl;grün, mit %d Armlehnen\n", i, i)
	}
	r.in = write(t, "in.csv", in.String())
	out := r.halfDone(t)
	credenzaWith(t, "", r.args(out, "--resume")...).expect(t, exitOK, fmt.Sprint(rows, " items classified"))
	if n := r.sim.Calls(); n < rows {
		t.Errorf("%d calls for %d rows", n, rows)
	}
}
