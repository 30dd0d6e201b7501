package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/eval"
	"github.com/credenza-dev/credenza/internal/table"
)

// printReport prints the figures for people. The output keeps errors, see outputWriter.
func printReport(s streams, by string, r *evalReport) {
	printLine(s.out, "%s, %s (%s), taxonomy %s", catalog.Count(r.Items, "item"), r.Backend, r.Model, r.Taxonomy)
	if r.Failed > 0 {
		printLine(s.out, "%d failed, in none of the figures: %s", r.Failed, countsByReason(r.FailuresByReason))
	}
	if r.Unreadable > 0 {
		printLine(s.out, "%s cannot be read", catalog.Count(r.Unreadable, "row"))
	}
	printLine(s.out, "")
	printLine(s.out, "accuracy           %6s %%  (%d of %d)", percent(r.Accuracy), r.Correct, r.Answered)
	printLine(s.out, "macro-F1           %6s %%", percent(r.MacroF1))
	printLine(s.out, "calibration error  %6s %%", percent(r.CalibrationError))
	printCategories(s, r.Categories)
	printGroups(s, by, r.Groups)
	printConfusion(s, r)
	printCalibration(s, r.Calibration)
}

// printFigures prints a table. All columns but the first are numbers.
func printFigures(s streams, title string, columns []string, rows [][]string) {
	printLine(s.out, "\n%s", title)
	_ = printRows(s.out, table.Aligned, columns, rows, table.Number)
}

func printCategories(s streams, categories []eval.CategoryScores) {
	var rows [][]string
	for _, c := range categories {
		row := []string{c.Name, "-", "-", "-", strconv.Itoa(c.Support)}
		if c.Predicted > 0 {
			row[1] = percent(c.Precision)
		}
		if c.Support > 0 {
			row[2] = percent(c.Recall)
		}
		if c.Support+c.Predicted > 0 {
			row[3] = percent(c.F1)
		}
		rows = append(rows, row)
	}
	printFigures(s, "By category, in %", []string{"category", "precision", "recall", "F1", "support"}, rows)
}

func printGroups(s streams, by string, groups []eval.GroupScores) {
	if len(groups) == 0 {
		return
	}
	var rows [][]string
	for _, g := range groups {
		rows = append(rows, []string{
			g.Name, percent(g.Accuracy), percent(g.MacroF1), strconv.Itoa(g.Answered), strconv.Itoa(g.Failed),
		})
	}
	printFigures(s, "By "+by+", in %", []string{by, "accuracy", "macro-F1", "answered", "failed"}, rows)
}

// printConfusion numbers the categories, so that the matrix fits a terminal.
func printConfusion(s streams, r *evalReport) {
	columns := []string{"label", ""}
	var rows [][]string
	for i, counts := range r.Confusion {
		columns = append(columns, strconv.Itoa(i+1))
		row := []string{r.Categories[i].Name, strconv.Itoa(i + 1)}
		for _, n := range counts {
			row = append(row, cmp.Or(strings.TrimPrefix(strconv.Itoa(n), "0"), "."))
		}
		rows = append(rows, row)
	}
	printFigures(s, "Confusion: a row for each label, a column for each answer", columns, rows)
}

// openConfusion opens the file for the matrix, nil if none is wanted.
func (c *evalCommand) openConfusion(ctx context.Context, in *input) (*destination, error) {
	if c.Confusion == "" {
		return nil, nil
	}
	file, err := openDestination(ctx, c.Confusion, "--confusion", in)
	if err != nil {
		return nil, fmt.Errorf("the confusion matrix cannot be written: %w", err)
	}
	return file, nil
}

func writeConfusion(to *destination, r *evalReport) error {
	if to == nil {
		return nil
	}
	columns := []string{"label"}
	var rows [][]string
	for i, counts := range r.Confusion {
		columns = append(columns, r.Categories[i].Name)
		row := []string{r.Categories[i].Name}
		for _, n := range counts {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	if err := printRows(to, table.CSV, columns, rows, table.Number); err != nil {
		return fmt.Errorf("the confusion matrix cannot be written: %w", err)
	}
	return nil
}

func printCalibration(s streams, bins []eval.Calibration) {
	var rows [][]string
	for _, b := range bins {
		row := []string{fmt.Sprintf("%.1f to %.1f", b.From, b.To), strconv.Itoa(b.Items), "-", "-"}
		if b.Items > 0 {
			row[2], row[3] = percent(b.Confidence), percent(b.Accuracy)
		}
		rows = append(rows, row)
	}
	printFigures(s, "By confidence, in %", []string{"confidence", "items", "mean", "accuracy"}, rows)
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) }
