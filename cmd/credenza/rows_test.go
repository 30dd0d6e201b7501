package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// records reads CSV back.
func records(t *testing.T, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// column returns the values of a column, without its name.
func columnOf(t *testing.T, rows [][]string, name string) []string {
	t.Helper()
	for i, n := range rows[0] {
		if n == name {
			var values []string
			for _, row := range rows[1:] {
				values = append(values, row[i])
			}
			return values
		}
	}
	t.Fatalf("there is no column %s in %v", name, rows[0])
	return nil
}

func TestClassifyCSV_KeepsEveryCellOfTheInput(t *testing.T) {
	var in strings.Builder
	in.WriteString("\ufeffid;Name;\"Notiz; lang\";=Spalte;Preis\n")
	for i := range 3_000 {
		fmt.Fprintf(&in, "%05d;Stuhl %d 🪑;\"erste Zeile;\nzweite \"\"Zeile\"\" äöü\";=1+%d;-5\n", i, i, i)
	}
	out := filepath.Join(t.TempDir(), "out.csv")
	credenzaWith(t, "", "classify", write(t, "in.csv", in.String()), "--out", out).expect(t, exitOK, "3000 items classified")
	text := content(t, out)
	if !strings.HasPrefix(text, "\ufeffid;Name;\"Notiz; lang\";'=Spalte;Preis;credenza_category;credenza_confidence;") {
		t.Errorf("the file begins with %.200q", text)
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != 3_001 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		want := []string{fmt.Sprintf("%05d", i), fmt.Sprintf("Stuhl %d 🪑", i), "erste Zeile;\nzweite \"Zeile\" äöü", fmt.Sprintf("'=1+%d", i), "-5"}
		if diff := cmp.Diff(want, row[:5]); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestClassify_WritesTheColumnsThatAreAskedFor(t *testing.T) {
	few := "category confidence needs_review styles tags error image_error"
	more := " confidence_source primary_style secondary_style style_tags placement_tags reasoning evidence retryable backend model cached attempts latency_ms taxonomy_version description_cut alternatives"
	for name, c := range map[string]struct{ args, prefix, names string }{
		"few":      {"", "credenza_", few},
		"prefixed": {"--prefix=x-", "x-", few},
		"traced":   {"--trace --prefix=", "", few + more},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, "id,name\n1,Oak chair\n", append([]string{"classify", "-", "--output=csv"}, strings.Fields(c.args)...)...)
			got.expect(t, exitOK, "")
			want := []string{"id", "name"}
			for _, n := range strings.Fields(c.names) {
				want = append(want, c.prefix+n)
			}
			rows := records(t, got.out)
			if diff := cmp.Diff(want, rows[0]); diff != "" {
				t.Error(diff)
			}
			if confidence := rows[1][3]; len(confidence) != len("0.123") {
				t.Errorf("the confidence is %s", confidence)
			}
		})
	}
	got := credenzaWith(t, "name,credenza_error\nOak chair,x\n", "classify", "-", "--output=csv")
	got.expect(t, exitFailed, "standard input has a column credenza_error already: give another --prefix")
}

func TestClassifyCSV_HasAllKeysOfJSON(t *testing.T) {
	in := write(t, "in.jsonl", `{"name":"Oak chair","n":12}`+"\n"+`{"name":"Sofa","extra":["a","b"]}`+"\n")
	got := credenzaWith(t, "", "classify", in, "--output=csv")
	got.expect(t, exitOK, "")
	rows := records(t, got.out)
	for i, want := range [][]string{{"name", "n", "extra"}, {"Oak chair", "12", ""}, {"Sofa", "", "a, b"}} {
		if diff := cmp.Diff(want, rows[i][:3]); diff != "" {
			t.Error(diff)
		}
	}
}

func TestClassifyCSV_SaysWhatItLeavesOut(t *testing.T) {
	got := credenzaWith(t, `{"name":"Oak chair"}`+"\n"+`{"name":"Sofa","extra":1}`+"\n", "classify", "-", "--output=csv")
	got.expect(t, exitOK, `credenza: left out, without a column in the first row: 1 value, the first in "extra"`)
}

func TestClassifyJSON_HasTheRowIfAsked(t *testing.T) {
	got := credenzaWith(t, "id,name\n007,Oak chair\n", "classify", "-", "--with-input")
	var row struct {
		Index int
		Row   map[string]string
	}
	if err := json.Unmarshal([]byte(got.out), &row); err != nil || row.Row["id"] != "007" || row.Row["name"] != "Oak chair" {
		t.Errorf("got %s, %v", got.out, err)
	}
}

func TestClassifyXLSX(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.xlsx")
	credenzaWith(t, "id,name\n007,Oak chair\n2,\n", "classify", "-", "--out", out).expect(t, exitFailed, "1 failed: 1 INVALID_ITEM")
	rows := sheetRows(t, out)
	if diff := cmp.Diff([]string{"007", "Oak chair", "CHAIR"}, rows[1][:3]); diff != "" || len(rows) != 3 || !strings.HasPrefix(rows[2][7], "INVALID_ITEM: ") {
		t.Errorf("%s %q", diff, rows)
	}
	credenzaWith(t, twoRows, "classify", "-", "--output=xlsx").expect(t, exitFailed, "a sheet is written to a file only: name one with --out")
	got := credenzaWith(t, "name,text\nOak chair,"+strings.Repeat("x", 32_768)+"\n", "classify", "-", "--out", out)
	got.expect(t, exitOK, "1 cell was cut to the 32,767 characters that a sheet's cell holds, the first in row 2, column text")
}

// cutOff returns the text as a gzip file that ends after it, in the middle.
func cutOff(t *testing.T, text string) string {
	t.Helper()
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func TestClassify_RefusesAHalfDoneFile(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out.csv")
	in := write(t, "in.csv", cutOff(t, twoRows))
	got := credenzaWith(t, "", "classify", in, "--out", out)
	got.expect(t, exitFailed, "credenza: "+out+".part has the results so far: continue with credenza classify "+in+" --out "+out+" --resume\n")
	if rows := records(t, content(t, out+".part")); len(rows) != 3 {
		t.Errorf("the half-done file has %v", rows)
	}
	credenzaWith(t, "", "classify", in, "--out", out).expect(t, exitFailed, out+".part is half done: give --resume to continue it, or --overwrite to start over")
	credenzaWith(t, "", "classify", in, "--out", out, "--resume", "--trace").expect(t, exitFailed, ".part was begun with --trace \"false\", now it is \"true\"")
	credenzaWith(t, "", "classify", in, "--out", out, "--resume", "--overwrite").expect(t, exitUsage, "can't be used together")
	credenzaWith(t, "", "classify", write(t, "other.csv", "id,name,type\nx,Oak chair,Dining chair\nb,Linen sofa,Sofa\n"), "--out", out, "--resume").
		expect(t, exitFailed, "has changed since "+out+".part was begun: give --overwrite to begin again")
	whole := write(t, "whole.csv", twoRows+"c,Bed,Bed\n") // the mended row
	credenzaWith(t, "", "classify", whole, "--out", out, "--resume").expect(t, exitOK, "3 items classified")
	if got := columnOf(t, records(t, content(t, out)), "credenza_category"); cmp.Diff([]string{"CHAIR", "SOFA", "BED"}, got) != "" {
		t.Errorf("got %v", got)
	}
	credenzaWith(t, "", "classify", whole, "--out", out, "--resume").expect(t, exitFailed, "is finished, there is nothing to continue")
	credenzaWith(t, twoRows, "classify", "-", "--resume").expect(t, exitFailed, "--resume and --overwrite are for files")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

// TestClassify_KeepsAHalfDoneFileUntilTheNewRunHasResults has runs that are to overwrite it and
// cannot begin.
func TestClassify_KeepsAHalfDoneFileUntilTheNewRunHasResults(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.csv")
	in := write(t, "in.csv", cutOff(t, twoRows))
	credenzaWith(t, "", "classify", in, "--out", out).expect(t, exitFailed, "continue with")
	before, journal := content(t, out+".part"), content(t, out+".part.journal")
	for _, args := range [][]string{
		{"--server=127.0.0.1:1"},
		{"--taxonomy=/nowhere.yaml"},
		{"--openai-api-key=sk-test", "--openai-base-url=http://127.0.0.1:1/v1", "--item-timeout=1s", "--only-failed"},
	} {
		got := credenzaWith(t, "", append([]string{"classify", in, "--out", out, "--overwrite"}, args...)...)
		if got.expect(t, exitFailed, "credenza: "); strings.Contains(got.err, "continue with") {
			t.Errorf("%v: got %q", args, got.err)
		}
		if content(t, out+".part") != before || content(t, out+".part.journal") != journal {
			t.Errorf("%v: what is done is lost", args)
		}
	}
	whole := write(t, "whole.csv", twoRows+"c,Bed,Bed\n")
	credenzaWith(t, "", "classify", whole, "--out", out, "--overwrite").expect(t, exitOK, "3 items classified")
}

func TestClassify_FailuresBeforeAnInterruptionDecideTheExitCode(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.csv")
	rows := "id,name,type\na,,\nb,Linen sofa,Sofa\n"
	credenzaWith(t, "", "classify", write(t, "in.csv", cutOff(t, rows)), "--out", out).expect(t, exitFailed, "cannot be read to its end, which is missing")
	got := credenzaWith(t, "", "classify", write(t, "in.csv", rows+"c,Bed,\n"), "--out", out, "--resume")
	got.expect(t, exitFailed, "2 items classified")
	got.expect(t, exitFailed, ", 2 of these before, 1 failed: 1 INVALID_ITEM\n")
}

func TestClassify_SelectsRows(t *testing.T) {
	var in strings.Builder
	in.WriteString("name\n")
	for i := range 100 {
		fmt.Fprintf(&in, "Oak chair %02d\n", i)
	}
	path := write(t, "in.csv", in.String())
	names := func(args ...string) []string {
		got := credenzaWith(t, "", append([]string{"classify", path, "--output=csv"}, args...)...)
		got.expect(t, exitOK, "items classified")
		return columnOf(t, records(t, got.out), "name")
	}
	if got := names("--limit=3"); cmp.Diff([]string{"Oak chair 00", "Oak chair 01", "Oak chair 02"}, got) != "" {
		t.Errorf("got %v", got)
	}
	sample, same, other := names("--sample=10"), names("--sample=10"), names("--sample=10", "--seed=2")
	if len(sample) != 10 || cmp.Diff(sample, same) != "" || cmp.Diff(sample, other) == "" {
		t.Errorf("got %v, %v and %v", sample, same, other)
	}
	for i, name := range sample[1:] {
		if name <= sample[i] {
			t.Errorf("%s comes after %s", name, sample[i])
		}
	}
	if got := names("--sample=1000"); len(got) != 100 {
		t.Errorf("%d of 100 rows", len(got))
	}
	credenzaWith(t, in.String(), "classify", "-", "--sample=3").expect(t, exitFailed, "standard input can be read once only: give a file")
	for _, wrong := range []string{"--limit=-1", "--sample=-1", "--limit=1 --sample=1", "--only-failed", "--only-review --limit=2 --out=x"} {
		credenzaWith(t, "", append([]string{"classify", path}, strings.Fields(wrong)...)...).expect(t, exitUsage, "--")
	}
}

func TestClassify_AsksAgainForFailedAndDoubtfulRowsOnly(t *testing.T) {
	for _, ending := range []string{".csv", ".jsonl"} {
		t.Run(ending, func(t *testing.T) {
			in := write(t, "in.csv", "id,name\n1,Oak chair\n2,\n3,\"=Sofa, with \"\"quotes\"\"\"\n4,Wxyzzy\n")
			out := filepath.Join(t.TempDir(), "out"+ending)
			credenzaWith(t, "", "classify", in, "--out", out).expect(t, exitFailed, "3 items classified")
			before := content(t, out)
			sim, model := testkit.ServeSimTCP(t, llmsim.Config{})
			asked := []string{"classify", in, "--out", out, "--openai-api-key=sk-test", "--openai-base-url=" + model}
			credenzaWith(t, "", append(asked, "--only-failed")...).expect(t, exitFailed, "0 items classified")
			if sim.Calls() != 0 || stable(t, before) != stable(t, content(t, out)) {
				t.Errorf("%d calls; the file became\n%s, was\n%s", sim.Calls(), content(t, out), before)
			}
			got := credenzaWith(t, "", append(asked, "--only-review")...)
			got.expect(t, exitFailed, "1 item classified")
			got.expect(t, exitFailed, ", 3 kept, 1 failed: 1 INVALID_ITEM")
			if sim.Calls() != 1 || len(strings.Split(content(t, out), "\n")) != len(strings.Split(before, "\n")) {
				t.Errorf("%d calls; the file became\n%s", sim.Calls(), content(t, out))
			}
			credenzaWith(t, "", "classify", write(t, "in.csv", "id,name\n9,Oak bench\n"), "--out", out, "--only-failed")
		})
	}
}

// stable returns a file of results without what every run makes new.
func stable(t *testing.T, text string) string {
	t.Helper()
	if !strings.HasPrefix(text, "{") {
		return text
	}
	text = strings.ReplaceAll(text, `"backend":"openai","model":"gpt-6-luna"`, `"backend":"offline","model":"lexicon"`)
	return comparable(t, write(t, "x.jsonl", text))
}

func TestClassify_RefusesEarlierResultsOfOtherRows(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.csv")
	credenzaWith(t, twoRows, "classify", "-", "--out", out).expect(t, exitOK, "")
	before := content(t, out)
	got := credenzaWith(t, strings.Replace(twoRows, "Linen", "Velvet", 1), "classify", "-", "--out", out, "--only-failed")
	got.expect(t, exitFailed, out+" does not have the rows of the input in their order: row 2 differs")
	if content(t, out) != before {
		t.Error("the earlier results were changed")
	}
	missing := filepath.Join(t.TempDir(), "none.csv")
	credenzaWith(t, twoRows, "classify", "-", "--out", missing, "--only-failed").expect(t, exitFailed, "the earlier results cannot be read")
}

func TestClassifyDryRun_AsksNothing(t *testing.T) {
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{})
	rows := "name,image_url\nOak chair,\nOak chair,\nSofa,https://shop.example/a.jpg\n"
	got := credenzaWith(t, rows, "classify", "-", "--dry-run", "--openai-api-key=sk-test", "--openai-base-url="+model, "--out=/nowhere/x.csv")
	got.expect(t, exitOK, "")
	for _, want := range []string{
		"rows      3\n", "columns   2: name, image_url\n", "calls     2 at most, 1 with a picture (equal items are asked once)\n",
		"tokens    about ", "minutes   about 1, at 16 calls a second\n",
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is not in %s", want, got.out)
		}
	}
	if sim.Calls() != 0 {
		t.Errorf("%d calls", sim.Calls())
	}
	credenzaWith(t, rows, "classify", "-", "--dry-run").expect(t, exitOK, "")
}

func TestClassify_SecretsAreNotInTheLineThatGoesOn(t *testing.T) {
	args := []string{"classify", "my file.csv", "--openai-api-key", "sk-a", "--openai-api-key=sk-b", "--nats-url=nats://u:p@h", "--overwrite", "--out=it's.csv"}
	if got := again(args); got != `credenza classify 'my file.csv' '--out=it'\''s.csv' --resume` {
		t.Errorf("got %s", got)
	}
}

func TestClassifyInterrupted_WaitsForCallsInFlight(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var notes bytes.Buffer
	in := write(t, "in.csv", "name\n"+strings.Repeat("Oak chair\n", 20_000))
	out := &lines{seen: map[string]func(){"Oak chair": cancel}}
	code := run(ctx, []string{"classify", in}, streams{out: out, err: &notes})
	outcome{code, "", notes.String()}.expect(t, exitInterrupted, "credenza: interrupted: ")
	got := answers(t, out.all.String())
	for i := range len(got) {
		if _, there := got[float64(i)]; !there {
			t.Fatalf("%d results, and none of row %d", len(got), i)
		}
	}
	if len(got) == 0 || len(got) > maxPendingRows+1000 {
		t.Errorf("%d results", len(got))
	}
}

func TestClassifyDryRun_CountsItemsThatDiffer(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.png", "b.png"} {
		picture(t, filepath.Join(dir, name), color.White)
	}
	rows := write(t, "in.csv", "name,description\nStuhl,aus Eiche\nStuhl,aus Stahl\nStuhl,aus Stahl\n")
	for _, in := range []string{dir, rows} {
		got := credenzaWith(t, "", "classify", in, "--dry-run", "--openai-api-key=sk-test")
		got.expect(t, exitOK, "")
		if !strings.Contains(got.out, "\ncalls     2 at most") {
			t.Errorf("%s: %s", in, got.out)
		}
	}
}
