package main

import (
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// fileRow gives a row, which may have no result, the type of files.
func (p *pendingRow) fileRow() *resultfile.Row {
	row := &resultfile.Row{Kept: p.kept, Cells: p.cells, Row: p.row, Hash: p.hashText()}
	if p.result != nil {
		row.Result = fileResult(p.result)
	}
	return row
}

// writeResults writes results of a job. They may be held back until the last flush.
func writeResults(w *resultfile.Writer, results []credenza.Result) error {
	for i := range results {
		if err := w.Write(&resultfile.Row{Result: fileResult(&results[i])}); err != nil {
			return err
		}
	}
	return w.Flush(false)
}

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
	for _, a := range c.Alternatives {
		f.Classification.Alternatives = append(f.Classification.Alternatives, catalog.Alternative(a))
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
