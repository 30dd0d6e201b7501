package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

const twoRows = "id,name,type\na,Oak chair,Dining chair\nb,Linen sofa,Sofa\n"

// answers reads JSON lines back, as id=category by their index.
func answers(t *testing.T, text string) map[float64]string {
	t.Helper()
	got := map[float64]string{}
	for line := range strings.Lines(text) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		index := row["index"].(float64)
		if _, twice := got[index]; twice {
			t.Errorf("two results for row %v", index)
		}
		got[index] = fmt.Sprintf("%v=%v", row["id"], row["category"])
	}
	return got
}

func TestClassifyInProcess(t *testing.T) {
	want := map[float64]string{0: "a=CHAIR", 1: "b=SOFA"}
	path := write(t, "in.csv", twoRows)
	for name, got := range map[string]outcome{
		"a file":         credenzaWith(t, "", "classify", path),
		"standard input": credenzaWith(t, twoRows, "classify", "-"),
		"JSON lines":     credenzaWith(t, `{"id":"a","Product Name":"Oak chair"}`+"\n"+`{"id":"b","title":"Linen sofa"}`, "classify", "-"),
		"in order":       credenzaWith(t, twoRows, "classify", "-", "--in-order", "--batch-size=1"),
	} {
		t.Run(name, func(t *testing.T) {
			got.expect(t, exitOK, "credenza: 2 items classified in")
			if diff := cmp.Diff(want, answers(t, got.out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClassifyNotesTheOfflineBackendUnlessAskedFor(t *testing.T) {
	note := "no key is set, so the offline classifier answers"
	credenzaWith(t, twoRows, "classify", "-").expect(t, exitOK, note)
	if got := credenzaWith(t, twoRows, "classify", "-", "--backend=offline"); strings.Contains(got.err, note) {
		t.Errorf("printed a note although offline was asked for: %s", got.err)
	}
}

func TestClassifyVerboseShowsTheLog(t *testing.T) {
	credenzaWith(t, twoRows, "classify", "-", "-v").expect(t, exitOK, `"msg":"processed batch"`)
}

func TestClassifyOutputs(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ args, want string }{
		"csv":           {"--output=csv", "id,name,type,credenza_category,credenza_confidence,credenza_needs_review,credenza_styles,credenza_tags,credenza_error,credenza_image_error\n"},
		"table":         {"--output=table", "row  product"},
		"csv by ending": {"--out=" + filepath.Join(dir, "r.csv"), "id,name,type,credenza_category,"},
		"jsonl":         {"--out=" + filepath.Join(dir, "r.jsonl"), `{"index":`},
		"given":         {"--output=table --out=" + filepath.Join(dir, "r.txt"), "row  product"},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, twoRows, append([]string{"classify", "-"}, strings.Fields(c.args)...)...)
			got.expect(t, exitOK, "2 items classified")
			text := got.out
			if _, path, ok := strings.Cut(c.args, "--out="); ok {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				text = string(data)
			}
			if !strings.HasPrefix(text, c.want) || !strings.Contains(text, "Oak chair") {
				t.Errorf("got %s", text)
			}
		})
	}
}

func TestClassifyRefusesOutputs(t *testing.T) {
	path := write(t, "in.csv", twoRows)
	credenzaWith(t, "", "classify", path, "--out", path).expect(t, exitFailed, "--out is the file that is read")
	credenzaWith(t, "", "classify", path, "--out", "r.ods").expect(t, exitUsage, "names no format")
	credenzaWith(t, "", "classify", path, "--out", "/nowhere/r.csv").expect(t, exitFailed, "the results cannot be written")
	if data, err := os.ReadFile(path); err != nil || string(data) != twoRows {
		t.Errorf("the input was changed: %q, %v", data, err)
	}
}

// writeOverInput runs a command that reads the file and is to write to it, by
// its name or by a link, and expects the file as it was.
func writeOverInput(t *testing.T, text, want string, stdin bool, args ...string) {
	t.Helper()
	path := write(t, "in.csv", text)
	link := filepath.Join(t.TempDir(), "link.csv")
	if err := os.Link(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		in, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		source := path
		if stdin {
			source = "-"
		}
		var out, notes bytes.Buffer
		line := append([]string{args[0], source}, append(args[1:], name)...)
		code := run(t.Context(), line, streams{in: in, out: &out, err: &notes})
		outcome{code, out.String(), notes.String()}.expect(t, exitFailed, want)
		_ = in.Close()
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%v: the input was changed: %q, %v", line, data, err)
		}
	}
}

func TestNothingIsWrittenOverTheInput(t *testing.T) {
	for _, stdin := range []bool{false, true} {
		writeOverInput(t, twoRows, "--out is the file that is read", stdin, "classify", "--out")
		writeOverInput(t, labelled, "--confusion is the file that is read", stdin, "eval", "--confusion")
	}
}

func TestStandardOutputIsNotTheInput(t *testing.T) {
	path := write(t, "in.csv", twoRows)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var notes bytes.Buffer
	code := run(t.Context(), []string{"classify", path}, streams{out: out, err: &notes})
	outcome{code, "", notes.String()}.expect(t, exitFailed, "standard output is the file that is read")
}

func TestAFailedCallLeavesEarlierResultsAlone(t *testing.T) {
	old := write(t, "old.csv", "results of yesterday, which are longer than the new ones\n"+strings.Repeat("x", 10_000))
	fresh := filepath.Join(t.TempDir(), "fresh.csv")
	for _, path := range []string{old, fresh} {
		got := credenzaWith(t, twoRows, "classify", "-", "--out", path, "--server", service(t), "--model=nobody")
		got.expect(t, exitFailed, "this model is not served")
	}
	if data, err := os.ReadFile(old); err != nil || !strings.HasPrefix(string(data), "results of yesterday") {
		t.Errorf("got %.40q, %v", data, err)
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("an empty file was left")
	}
	credenzaWith(t, twoRows, "classify", "-", "--out", old).expect(t, exitOK, "2 items classified")
	if data, err := os.ReadFile(old); err != nil || !strings.HasPrefix(string(data), "id,name,type,credenza_category,") || strings.Contains(string(data), "xxx") {
		t.Errorf("the new results did not replace the old ones: %.40q, %v", data, err)
	}
}

func TestClassify_ReportsUnwritableResultsBeforeTheCall(t *testing.T) {
	got := credenzaWith(t, twoRows, "classify", "-", "--out=/nowhere/r.csv", "--server=127.0.0.1:1")
	got.expect(t, exitFailed, "the results cannot be written: open /nowhere/r.csv")
}

func TestClassifyCountsFailures(t *testing.T) {
	got := credenzaWith(t, "id,name\n1,Oak chair\n2,\n3,nan\n", "classify", "-", "--output=csv", "--in-order")
	got.expect(t, exitFailed, "credenza: 1 item classified in")
	got.expect(t, exitFailed, ", 2 failed: 2 INVALID_ITEM\n")
	rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []string{"", "INVALID_ITEM", "INVALID_ITEM"} {
		if e := rows[i+1][7]; rows[0][7] != "credenza_error" || !strings.HasPrefix(e, want) || (e == "") != (want == "") {
			t.Errorf("row %d: error %q, want %q", i+1, e, want)
		}
	}
}

func TestClassifyBadFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "credenza: standard input is empty"},
		"header only": {"name,type\n", "credenza: standard input has no rows"},
		"no rows":     {"[]", "credenza: standard input has no rows"},
		"a database":  {"SQLite format 3\x00", "credenza: standard input is a database of SQLite: export the table as CSV"},
		"every row":   {strings.Repeat("{]\n", 3), "credenza: standard input: line 1, column"},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, c.text, "classify", "-")
			got.expect(t, exitFailed, c.want)
			if got.out != "" {
				t.Errorf("wrote %q", got.out)
			}
		})
	}
}

func TestClassifyGoesOnAfterAnUnreadableRow(t *testing.T) {
	text := "{\"id\":\"a\",\"name\":\"Oak chair\"}\n{\"id\":\"b\",\n{\"id\":\"c\",\"name\":\"Bed\"}\n"
	got := credenzaWith(t, text, "classify", "-", "--in-order")
	got.expect(t, exitFailed, "2 items classified in")
	got.expect(t, exitFailed, "1 failed: 1 INVALID_ITEM")
	want := map[float64]string{0: "a=CHAIR", 1: "<nil>=<nil>", 2: "c=BED"}
	if diff := cmp.Diff(want, answers(t, got.out)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(got.out, "\"error_message\":\"standard input: line 2, column 1: the object") {
		t.Errorf("the line is not named: %s", got.out)
	}
}

func TestClassifyGivesTheRowsBeforeAMistake(t *testing.T) {
	got := credenzaWith(t, twoRows+"\""+strings.Repeat("x", 200<<20), "classify", "-")
	got.expect(t, exitFailed, "credenza: standard input: line 4, column 1: the row from here on has over 16777216 bytes")
	got.expect(t, exitFailed, "credenza: 2 items classified")
	if len(answers(t, got.out)) != 2 {
		t.Errorf("got %s", got.out)
	}
}

func TestClassifyManyRows(t *testing.T) {
	const rows = 5_000
	got := credenzaWith(t, "name\n"+strings.Repeat("Oak chair\n", rows), "classify", "-", "--batch-size=100")
	got.expect(t, exitOK, "5000 items classified")
	if n := len(answers(t, got.out)); n != rows {
		t.Errorf("%d results for %d rows", n, rows)
	}
}

func TestClassifyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, pipe := io.Pipe()
	out := &lines{seen: map[string]func(){"Oak chair": cancel}}
	var notes bytes.Buffer
	feeding := make(chan struct{})
	go func() { // a catalogue without end, of which nothing comes after a row
		defer close(feeding)
		_, _ = io.WriteString(pipe, "name\nOak chair\n")
	}()
	code := run(ctx, []string{"classify", "-"}, streams{in: in, out: out, err: &notes})
	got := outcome{code, out.all.String(), notes.String()}
	got.expect(t, exitInterrupted, "credenza: interrupted: 1 item classified in")
	if len(answers(t, got.out)) != 1 {
		t.Errorf("what was done is not there: %s", got.out)
	}
	<-feeding
	_ = pipe.Close() // the goroutine that read standard input ends with the program, or here
}

func TestClassifyInterruptedBeforeTheFirstRow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, pipe := io.Pipe()
	cancel()
	var notes bytes.Buffer
	if code := run(ctx, []string{"classify", "-"}, streams{in: in, out: io.Discard, err: &notes}); code != exitInterrupted {
		t.Errorf("got exit code %d and %s", code, notes.String())
	}
	_ = pipe.Close()
}

func TestClassifyWhenResultsCannotBeWritten(t *testing.T) {
	var notes bytes.Buffer
	code := run(t.Context(), []string{"classify", "-"}, streams{in: strings.NewReader(twoRows), out: closed{}, err: &notes})
	outcome{code, "", notes.String()}.expect(t, exitFailed, "the results cannot be written: no more paper")
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, fmt.Errorf("no more paper") }

func TestColumnsOfAnswersAndErrors(t *testing.T) {
	answered := credenza.Result{
		Index: 3, ItemID: "x", ProductName: "Oak\x1b[31m chair",
		Classification: credenza.Classification{
			Category: "CHAIR", Confidence: 0.875, ConfidenceSource: "MODEL", PrimaryStyle: "RUSTIC",
			StyleTags: []string{"oak", "plain"}, PlacementTags: []string{"kitchen"}, Reasoning: "It is a chair.", Evidence: "TEXT",
		},
		ImageErr: &credenza.ItemError{Reason: "IMAGE_FORBIDDEN"},
		Trace:    credenza.Trace{Attempts: 2, Backend: "openai", Model: "m", TaxonomyVersion: "t"},
	}
	failed := credenza.Result{
		Index: 4, ProductName: "=1+1", Err: &credenza.ItemError{Reason: "REFUSED", Message: "the model declined"},
	}
	for _, format := range []string{"csv", "jsonl", "table"} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			to, err := openOutput(t.Context(), "", format, &input{}, &out)
			if err != nil {
				t.Fatal(err)
			}
			w, err := resultfile.New(to, resultfile.Layout{Format: to.format, OfJob: true}, to.width, to.height)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(writeResults(w, []credenza.Result{answered, failed}), w.Flush(true)); err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, "results."+format, out.String())
		})
	}
}
