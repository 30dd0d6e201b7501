package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
)

const tornRows = `{"id":"a","name":"Oak chair","label":"CHAIR"}` + "\n" + `{"id":"b",` + "\n" + `{"id":"c","name":"Bed","label":"BED"}` + "\n"

func TestSubmit_GoesOnAfterAnUnreadableRow(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	for _, source := range []string{"-", write(t, "in.jsonl", tornRows)} {
		got := k.run(t, tornRows, "submit", source)
		got.expect(t, exitFailed, "credenza: 1 row cannot be read, INVALID_ITEM in the job: line 2 (the first: ")
		got.expect(t, exitFailed, "credenza: 3 items in the job: follow it with")
		id := strings.TrimSpace(got.out)
		k.jobs.Work(id, 3)
		results := k.run(t, "", "results", id)
		if got := answers(t, results.out); len(got) != 3 || !strings.HasPrefix(got[1], "line 2=") || !strings.HasPrefix(got[2], "c=") {
			t.Errorf("got %v", got)
		}
	}
}

func TestSubmit_NamesTheFirstUnreadableLines(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	got := k.run(t, tornRows+strings.Repeat("{]\n", 30), "submit", "-")
	got.expect(t, exitFailed, "credenza: 31 rows cannot be read, INVALID_ITEM in the job: line 2, 4, 5, ")
	got.expect(t, exitFailed, ", 22 and others (the first: ")
}

func TestEval_CountsUnreadableRows(t *testing.T) {
	for _, source := range []string{"-", write(t, "in.jsonl", tornRows)} {
		got := credenzaWith(t, tornRows, "eval", source, "--json")
		got.expect(t, exitFailed, "credenza: 1 row cannot be read, in none of the figures: line 2 (the first: ")
		var report evalReport
		if err := json.Unmarshal([]byte(got.out), &report); err != nil || report.Unreadable != 1 || report.Items != 2 || report.Correct != 2 {
			t.Errorf("got %s, %v", got.out, err)
		}
	}
	got := credenzaWith(t, tornRows, "eval", "-")
	got.expect(t, exitFailed, "")
	if !strings.Contains(got.out, "\n1 row cannot be read\n") {
		t.Errorf("got %s", got.out)
	}
}

func TestOnlyFailed_RefusesJSONLinesOfOtherRows(t *testing.T) {
	rows := []string{"id,name,note\n", "a,Oak chair,\n", "b,,\n", "c,Bed,\n"}
	for name, c := range map[string]struct {
		in, want string
	}{
		"the same rows":        {strings.Join(rows, ""), "2 kept, 1 failed: 1 INVALID_ITEM"},
		"another order":        {rows[0] + rows[3] + rows[2] + rows[1], "does not have the rows of the input in their order: row 1 differs"},
		"another text":         {strings.Replace(strings.Join(rows, ""), "c,Bed,", "c,Bed,oak", 1), "row 3 differs"},
		"a row that is gone":   {rows[0] + rows[2] + rows[3], "row 1 differs"},
		"a row in the middle":  {rows[0] + rows[1] + "d,Sofa,\n" + rows[2] + rows[3], "row 2 differs"},
		"a row at the end too": {strings.Join(rows, "") + "d,Sofa,\n", "1 item classified"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.jsonl")
			credenzaWith(t, strings.Join(rows, ""), "classify", "-", "--out", out).expect(t, exitFailed, "2 items classified")
			before := content(t, out)
			credenzaWith(t, c.in, "classify", "-", "--out", out, "--only-failed").expect(t, exitFailed, c.want)
			if strings.Contains(c.want, "differs") && content(t, out) != before {
				t.Error("the earlier results were changed")
			}
		})
	}
	out := write(t, "old.jsonl", `{"index":0,"id":"a","product_name":"Oak chair","category":"CHAIR","error":null}`+"\n")
	credenzaWith(t, "id,name\na,Oak chair\n", "classify", "-", "--out", out, "--only-failed").expect(t, exitFailed, "does not say which rows it is of")
}

func TestClassifyOffline_SaysNothingOfPicturesInTheLastLine(t *testing.T) {
	in := "name,image_url,description\nOak chair,https://shop.example/a.jpg," + strings.Repeat("solid oak ", 4_000) + "\n"
	got := credenzaWith(t, in, "classify", "-", "--output=csv", "--trace")
	got.expect(t, exitOK, "1 item classified in ")
	if strings.Contains(got.err, "picture") {
		t.Errorf("got %s", got.err)
	}
	if cut := columnOf(t, records(t, got.out), "credenza_description_cut"); cut[0] != "true" {
		t.Errorf("got %v", cut)
	}
}

func TestClassify_OnAFullDisk(t *testing.T) {
	t.Run("a device", func(t *testing.T) {
		got := credenzaWith(t, twoRows, "classify", "-", "--output=csv", "--out=/dev/full")
		got.expect(t, exitFailed, "credenza: the results cannot be written: write /dev/full: no space left on device")
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		var notes strings.Builder
		for _, args := range [][]string{{"classify", "-"}, {"eval", "-"}, {"taxonomy", "show"}, {"version"}} {
			notes.Reset()
			code := run(t.Context(), args, streams{in: strings.NewReader(labelled), out: full, err: &notes})
			outcome{code, "", notes.String()}.expect(t, exitFailed, "no space left on device")
		}
	})
	for _, ending := range []string{".csv", ".jsonl", ".xlsx"} {
		t.Run(ending, func(t *testing.T) {
			const rows = 1200 // the first ones may be answered after hundreds of others
			r := newResumeTest(t, rows)
			want := r.whole(t, ending)
			out := filepath.Join(t.TempDir(), "out"+ending)
			t.Setenv(roomVariable, "260000")
			p := runProgram(t, r.args(out)...)
			<-p.ended
			if code := p.cmd.ProcessState.ExitCode(); code != exitFailed {
				t.Errorf("got exit code %d", code)
			}
			for _, want := range []string{"credenza: the results cannot be written: write ", "file too large", out + ".part has the results so far: continue with "} {
				if !strings.Contains(p.log.String(), want) {
					t.Errorf("%q is not in %s", want, p.log)
				}
			}
			if n := wholeRows(t, out+".part", ending); n == 0 || n >= rows {
				t.Errorf("%d rows can be read", n)
			}
			if err := os.Unsetenv(roomVariable); err != nil {
				t.Fatal(err)
			}
			credenzaWith(t, "", r.args(out, "--resume")...).expect(t, exitOK, fmt.Sprint(rows, " items classified"))
			if got := comparable(t, out); got != want {
				t.Errorf("the rest made another file of it:\n%.2000s", got)
			}
		})
	}
}

// wholeRows reads a half-done file to its end and returns the number of its rows.
func wholeRows(t *testing.T, path, ending string) (rows int) {
	t.Helper()
	text := content(t, path)
	if !strings.HasSuffix(text, "\n") {
		t.Errorf("the last row is torn: %q", text[max(0, len(text)-100):])
	}
	if ending != ".csv" {
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%q", line)
			}
			rows++
		}
		return rows
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	for ; ; rows++ {
		if _, err := r.Read(); err == io.EOF {
			return rows - 1
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
