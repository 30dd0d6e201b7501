package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/export"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stored are the results of one job, in the order in which they came, and what people said.
type stored struct {
	job         catalog.Job
	columns     []string
	outcomes    []catalog.Outcome
	rows        [][]string
	corrections []catalog.Correction
	failed      error
}

func (s *stored) Get(context.Context, catalog.Owner, string) (catalog.Job, error) { return s.job, nil }

// Results has pages of two, with an empty one between them.
func (s *stored) Results(_ context.Context, q catalog.ResultQuery, take func(*catalog.Outcome, []string) bool) (catalog.ResultPage, error) {
	page, _ := strconv.Atoi(q.Token)
	from := page / 2 * 2
	for i := from; page%2 == 0 && i < min(from+2, len(s.outcomes)); i++ {
		var cells []string
		if s.rows != nil {
			cells = s.rows[i]
		}
		take(&s.outcomes[i], cells)
	}
	if from+2 >= len(s.outcomes) {
		return catalog.ResultPage{Columns: s.columns}, s.failed
	}
	return catalog.ResultPage{Columns: s.columns, Next: strconv.Itoa(page + 1)}, nil
}

func (s *stored) Corrections(_ context.Context, q catalog.CorrectionQuery) ([]catalog.Correction, string, error) {
	i, _ := strconv.Atoi(q.Token)
	if i+1 < len(s.corrections) {
		return s.corrections[i : i+1], strconv.Itoa(i + 1), nil
	}
	return s.corrections[min(i, len(s.corrections)):], "", nil
}

func classified(index int64, category string) catalog.Outcome {
	return catalog.Outcome{
		Index: index, ID: "id", Name: "name", Trace: catalog.Trace{Attempts: 3, Cached: true, Backend: "openai"},
		Classification: catalog.Classification{Category: category, Confidence: 0.75, ConfidenceSource: catalog.FromModel, PrimaryStyle: "RUSTIC", Evidence: catalog.EvidenceText},
	}
}

// fourResults are a job's, the last one first.
func fourResults() *stored {
	failed := catalog.Outcome{Index: 2, Err: fault.New(fault.Refused, "the model declined")}
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return &stored{
		job:      catalog.Job{ID: "job-1", Name: "../spring: 1.csv.gz", State: catalog.JobSucceeded},
		columns:  []string{"sku", "title", "Label"},
		outcomes: []catalog.Outcome{classified(3, "SOFA"), failed, classified(0, "BED"), classified(1, "CHAIR")},
		rows:     [][]string{{"s-4", "=cmd()", "x"}, {"s-3", "Thing"}, {"s-1", "Pine bed", "y"}, {"s-2", "Stool", "z"}},
		corrections: []catalog.Correction{
			{Index: 0, Person: "Ada", At: at, State: catalog.Accepted},
			{Index: 1, Category: "STOOL", Note: "no back", Person: "Ada", At: at, State: catalog.Corrected},
			{Index: 2, Note: "unclear", Person: "Ben", At: at, State: catalog.Accepted},
		},
	}
}

func write(t *testing.T, s *stored, who catalog.Owner, format export.Format) (name, content string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	file, err := export.New(s, s).Open(t.Context(), who, "job-1", format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = file.Write(t.Context(), watched{t, &out})
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	return file.Name(), out.String()
}

func TestExport_SheetSaysWhatWasCut(t *testing.T) {
	s := fourResults()
	s.rows[0][1] = strings.Repeat("x", 40_000)
	for want, s := range map[string]*stored{"": fourResults(), "1 cell was cut to the 32,767 characters that a sheet's cell holds, the first in row 5, column title": s} {
		_, content := write(t, s, catalog.Owner{All: true}, export.XLSX)
		sheet, err := excelize.OpenReader(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sheet.GetCellValue("Notes", "A1"); got != want || (err != nil) != (want == "") {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		_ = sheet.Close()
	}
}

// watched finds what would stay on disk if the process was killed now.
type watched struct {
	t  *testing.T
	to *bytes.Buffer
}

func (w watched) Write(b []byte) (int, error) {
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "credenza-export-*")); left != nil {
		w.t.Errorf("left by a killed process: %v", left)
	}
	return w.to.Write(b)
}

func rowsOf(t *testing.T, content string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestExport_CSVHasTheOrderOfTheCatalogueAndTheCorrections(t *testing.T) {
	name, content := write(t, fourResults(), catalog.Owner{All: true}, export.CSV)
	want := [][]string{
		{
			"sku", "title", "Label", "credenza_category", "credenza_confidence", "credenza_needs_review", "credenza_styles", "credenza_tags", "credenza_error", "credenza_image_error",
			"credenza_review_state", "credenza_review_category", "credenza_review_primary_style", "credenza_review_secondary_style", "credenza_review_note", "credenza_review_person", "credenza_review_time",
		},
		{"s-1", "Pine bed", "y", "BED", "0.750", "false", "RUSTIC", "", "", "", "accepted", "BED", "RUSTIC", "", "", "Ada", "2030-01-02T03:04:05Z"},
		{"s-2", "Stool", "z", "CHAIR", "0.750", "false", "RUSTIC", "", "", "", "corrected", "STOOL", "RUSTIC", "", "no back", "Ada", "2030-01-02T03:04:05Z"},
		{"s-3", "Thing", "", "", "", "", "", "", "REFUSED: the model declined", "", "accepted", "", "", "", "unclear", "Ben", "2030-01-02T03:04:05Z"},
		{"s-4", "'=cmd()", "x", "SOFA", "0.750", "false", "RUSTIC", "", "", "", "unchecked", "", "", "", "", "", ""},
	}
	got := rowsOf(t, content)
	for i := range want {
		if i >= len(got) || !slices.Equal(got[i], want[i]) {
			t.Errorf("row %d is %q, want %q", i, got[min(i, len(got)-1)], want[i])
		}
	}
	if name != "_spring_ 1-results.csv" {
		t.Errorf("the file is called %q", name)
	}
}

func TestExport_SheetAndLinesHaveTheCorrections(t *testing.T) {
	_, content := write(t, fourResults(), catalog.Owner{All: true}, export.XLSX)
	sheet, err := excelize.OpenReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sheet.Close() }()
	rows, err := sheet.GetRows("Results")
	if err != nil || len(rows) != 5 || rows[2][11] != "STOOL" || rows[4][1] != "=cmd()" {
		t.Errorf("%q (%v)", rows, err)
	}
	if formula, _ := sheet.GetCellFormula("Results", "B5"); formula != "" {
		t.Errorf("a text became the formula %q", formula)
	}
	_, content = write(t, fourResults(), catalog.Owner{Name: "shop"}, export.JSONLines)
	lines := strings.Split(strings.TrimSpace(content), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &line); err != nil || len(lines) != 4 {
		t.Fatal(err)
	}
	row, _ := line["row"].(map[string]any)
	if line["category"] != "CHAIR" || line["review_category"] != "STOOL" || line["review_person"] != "Ada" || row["title"] != "Stool" {
		t.Errorf("%s", lines[1])
	}
	if line["cached"] != false || line["attempts"] != 0.0 {
		t.Errorf("a caller sees what was shared: %s", lines[1])
	}
}

func TestExport_LabelsAreOfCheckedResults(t *testing.T) {
	name, content := write(t, fourResults(), catalog.Owner{}, export.Labels)
	if want := "sku,title,label\ns-1,Pine bed,BED\ns-2,Stool,STOOL\n"; content != want || name != "_spring_ 1-labels.csv" {
		t.Errorf("%s: %q", name, content)
	}
}

func TestExport_LabelsOfItemsWithoutRows(t *testing.T) {
	s := fourResults()
	s.columns, s.rows = nil, nil
	s.outcomes[2].ID, s.outcomes[2].Name = "s-1", "Pine bed"
	_, content := write(t, s, catalog.Owner{}, export.Labels)
	if want := "id,product_name,label\ns-1,Pine bed,BED\nid,name,STOOL\n"; content != want {
		t.Errorf("got %q, want %q", content, want)
	}
}

func TestExport_JobOfItemsHasTheColumnsOfResults(t *testing.T) {
	s := fourResults()
	s.columns, s.rows = nil, nil
	s.job.Name = ""
	name, content := write(t, s, catalog.Owner{All: true}, export.CSV)
	rows := rowsOf(t, content)
	if len(rows) != 5 || rows[0][0] != "index" || !slices.Contains(rows[0], "review_category") || name != "job-1-results.csv" {
		t.Errorf("%s: %q", name, rows)
	}
}

func TestExport_AgainHasOtherColumns(t *testing.T) {
	s := fourResults()
	s.columns = []string{"sku", "credenza_category", "credenza2_error"}
	_, content := write(t, s, catalog.Owner{All: true}, export.CSV)
	if rows := rowsOf(t, content); rows[0][3] != "credenza3_category" {
		t.Errorf("%q", rows[0])
	}
}

func TestExport_Refuses(t *testing.T) {
	s := fourResults()
	s.job.State = catalog.JobRunning
	if _, err := export.New(s, nil).Open(t.Context(), catalog.Owner{}, "job-1", export.CSV); !fault.Is(err, fault.Conflict) {
		t.Errorf("a job that runs: %v", err)
	}
	s = fourResults()
	s.job.Progress.Total = 2_000_000
	if _, err := export.New(s, nil).Open(t.Context(), catalog.Owner{}, "job-1", export.XLSX); !fault.Is(err, fault.InvalidRequest) {
		t.Errorf("too many rows for a sheet: %v", err)
	}
	s = fourResults()
	s.failed = fault.New(fault.DataLoss, "results are missing")
	if _, err := export.New(s, nil).Open(t.Context(), catalog.Owner{}, "job-1", export.CSV); !fault.Is(err, fault.DataLoss) {
		t.Errorf("lost results: %v", err)
	}
}
