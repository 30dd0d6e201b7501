package main

import (
	"io"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// rowWriter writes rows with their results.
type rowWriter struct{ *resultfile.Writer }

func newRowWriter(out io.Writer, l resultfile.Layout, width, screen int) (*rowWriter, error) {
	w, err := resultfile.New(out, l, width, screen)
	return &rowWriter{w}, err
}

// write writes a row. It may be held back until flush.
func (w *rowWriter) write(p *pendingRow) error {
	row := resultfile.Row{Kept: p.kept, Cells: p.cells, Row: p.row, Hash: p.hashText()}
	if p.result != nil {
		row.Result = fileResult(p.result)
	}
	return w.Write(&row)
}

// writeAll writes results of a job.
func (w *rowWriter) writeAll(results []credenza.Result) error {
	for i := range results {
		if err := w.write(&pendingRow{result: &results[i]}); err != nil {
			return err
		}
	}
	return w.flush(false)
}

// flush writes what was held back.
func (w *rowWriter) flush(last bool) error { return w.Flush(last) }

// fileResult gives a result the type of files.
func fileResult(r *credenza.Result) *resultfile.Result {
	c := &r.Classification
	f := &resultfile.Result{
		Index: r.Index, ID: r.ItemID, Name: r.ProductName, Err: failureOf(r.Err), ImageErr: failureOf(r.ImageErr),
		Classification: resultfile.Classification{
			Category: c.Category, Confidence: c.Confidence, ConfidenceSource: c.ConfidenceSource,
			PrimaryStyle: c.PrimaryStyle, SecondaryStyle: c.SecondaryStyle, StyleTags: c.StyleTags, PlacementTags: c.PlacementTags,
			Reasoning: c.Reasoning, Evidence: c.Evidence, NeedsReview: c.NeedsReview,
		},
		Trace: resultfile.Trace{
			Attempts: r.Trace.Attempts, Cached: r.Trace.Cached, Backend: r.Trace.Backend, Model: r.Trace.Model, Latency: r.Trace.Latency,
			TaxonomyVersion: r.Trace.TaxonomyVersion, DescriptionCut: r.Trace.DescriptionCut,
		},
	}
	if len(c.Alternatives) > 0 {
		f.Classification.Alternatives = make([]catalog.Alternative, 0, len(c.Alternatives))
	}
	for _, a := range c.Alternatives {
		f.Classification.Alternatives = append(f.Classification.Alternatives, catalog.Alternative{Category: a.Category, Probability: a.Probability})
	}
	return f
}

// unseenPicture returns why an answer does not come from the picture, nil if it does.
func unseenPicture(r *credenza.Result) *resultfile.Failure {
	if r.ImageErr == nil {
		return nil
	}
	f := resultfile.Result{Err: failureOf(r.Err), ImageErr: failureOf(r.ImageErr), Trace: resultfile.Trace{Backend: r.Trace.Backend}}
	return f.UnseenPicture()
}

// failureOf returns nil for nil.
func failureOf(e *credenza.ItemError) *resultfile.Failure {
	if e == nil {
		return nil
	}
	return &resultfile.Failure{Reason: string(e.Reason), Message: e.Message, Retryable: e.Retryable, Kind: e.Kind()}
}
