package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/export"
)

// reviewedJob is a job of two rows that a person has checked.
type reviewedJob struct{}

func (reviewedJob) Get(context.Context, catalog.Owner, string) (catalog.Job, error) {
	return catalog.Job{ID: "job-1", State: catalog.JobSucceeded}, nil
}

func (reviewedJob) Results(_ context.Context, _ catalog.ResultQuery, take func(*catalog.Outcome, []string) bool) (catalog.ResultPage, error) {
	for i, row := range [][]string{{"Oak chair", "CHAIR"}, {"Pine \"king\"\nbed", "SOFA"}, {"Lamp", "LIGHTING"}} {
		take(&catalog.Outcome{Index: int64(i), Classification: catalog.Classification{Category: row[1]}}, row[:1])
	}
	return catalog.ResultPage{Columns: []string{"title"}}, nil
}

func (reviewedJob) Corrections(context.Context, catalog.CorrectionQuery) ([]catalog.Correction, string, error) {
	return []catalog.Correction{{Index: 0, State: catalog.Accepted}, {Index: 1, Category: "BED", State: catalog.Corrected}}, "", nil
}

func TestEval_ReadsTheLabelsOfAReview(t *testing.T) {
	file, err := export.New(reviewedJob{}, reviewedJob{}).Open(t.Context(), catalog.Owner{}, "job-1", export.Labels)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	path := filepath.Join(t.TempDir(), file.Name())
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Write(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	got := credenzaWith(t, "", "eval", path, "--json")
	got.expect(t, exitOK, "")
	for _, want := range []string{`"accuracy": 1`, `"answered": 2`} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%s is not in %s", want, got.out)
		}
	}
}
