package main

import (
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// fileRow gives a row, which may have no result, the type of files.
func (p *pendingRow) fileRow() *resultfile.Row {
	return &resultfile.Row{Result: &resultfile.Result{Result: p.result}, Kept: p.kept, Cells: p.cells, Row: p.row, Hash: p.hashText()}
}

// writeResults writes results of a job. They may be held back until the last flush.
func writeResults(w *resultfile.Writer, results []credenza.Result) error {
	for i := range results {
		if err := w.Write(&resultfile.Row{Result: &resultfile.Result{Result: &results[i]}}); err != nil {
			return err
		}
	}
	return w.Flush(false)
}
