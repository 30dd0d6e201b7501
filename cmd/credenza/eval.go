package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/credenza-dev/credenza/internal/eval"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type evalCommand struct {
	source
	Label     string   `default:"label" placeholder:"COLUMN" help:"The column with the right category (default: label)."`
	By        string   `placeholder:"COLUMN" help:"Break the figures down by this column's values."`
	Exclude   []string `placeholder:"COLUMN,..." help:"Further columns that the classifier must not see."`
	JSON      bool     `name:"json" help:"Print the figures as JSON."`
	Confusion string   `placeholder:"FILE" help:"Write the confusion matrix to FILE as CSV too."`
	callFlags
	target
}

// Help is the second part of `credenza eval --help`.
func (*evalCommand) Help() string {
	return `Neither the label nor the columns of --by and --exclude reach the classifier. Exclude whatever gives the label away, such as the shop's own category.

Figures are of the items that were answered; those that failed are counted apart. Macro-F1 is the mean over the categories that occur as a label or as an answer. The calibration error is how far confidence and accuracy are apart, in the mean over all items.`
}

// evalReport is what --json prints.
type evalReport struct {
	Backend  string `json:"backend"`
	Model    string `json:"model"`
	Taxonomy string `json:"taxonomy_version"`
	eval.Report
}

// Run classifies the file and prints the figures.
func (c *evalCommand) Run(ctx context.Context, s streams) (err error) {
	in, err := c.open(ctx, s.in)
	if err != nil {
		return err
	}
	defer in.close()
	if err := c.checkColumns(in); err != nil {
		return err
	}
	client, end, err := c.connect(ctx, s.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	report, err := c.evaluate(ctx, client, in, newProgress(s.err, false))
	if err != nil {
		return c.explain(err)
	}
	if c.Confusion != "" {
		if err := c.writeConfusion(&report); err != nil {
			return err
		}
	}
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return printReport(s, c.By, &report)
}

// checkColumns finds misspelt names where a header tells the columns, before
// anything is classified: an --exclude without effect would make figures look
// better than they are.
func (c *evalCommand) checkColumns(in *input) error {
	if in.rows.Columns() == nil {
		return nil
	}
	for _, name := range c.hidden() {
		if _, ok := in.first.Get(name); !ok {
			return fmt.Errorf("%s has no column %q: it has %s", in.name, name, strings.Join(in.rows.Columns(), ", "))
		}
	}
	return nil
}

// hidden are the columns that no classifier sees.
func (c *evalCommand) hidden() []string {
	names := append([]string{c.Label}, c.Exclude...)
	if c.By != "" {
		names = append(names, c.By)
	}
	return names
}

// evaluate classifies the rows and scores the answers.
func (c *evalCommand) evaluate(
	ctx context.Context, client *credenza.Client, in *input, bar *progress,
) (evalReport, error) {
	defer bar.end()
	scorer, version, err := newScorer(ctx, client)
	if err != nil {
		return evalReport{}, err
	}
	if err := c.checkLabels(ctx, scorer, in); err != nil {
		return evalReport{}, err
	}
	report := evalReport{Taxonomy: version}
	wanted := &ledger{samples: map[int64]eval.Sample{}}
	rows := &rowFeed{in: in, item: func(row table.Row) (credenza.Item, error) {
		sample, err := c.sample(row, scorer, in)
		if err != nil {
			return credenza.Item{}, err
		}
		wanted.put(sample)
		return itemOf(table.MapRow(row.Without(c.hidden()...), "")), nil
	}}
	err = rows.classify(ctx, client, c.options(), func(batch credenza.Batch) error {
		bar.done(len(batch.Results))
		for i := range batch.Results {
			r := &batch.Results[i]
			if err := scorer.Add(judged(wanted.take(r.Index), r)); err != nil {
				return err
			}
			if r.Err == nil {
				report.Backend, report.Model = r.Trace.Backend, r.Trace.Model
			}
		}
		return nil
	})
	report.Report = scorer.Report()
	if err == nil && report.Answered == 0 {
		err = fmt.Errorf("no item was answered: %s", countsByReason(report.FailuresByReason))
	}
	return report, err
}

func newScorer(ctx context.Context, client *credenza.Client) (*eval.Scorer, string, error) {
	t, err := client.Taxonomy(ctx)
	if err != nil {
		return nil, "", err
	}
	names := make([]string, len(t.Categories))
	for i, category := range t.Categories {
		names[i] = category.Name
	}
	scorer, err := eval.NewScorer(names)
	return scorer, t.Version, err
}

// checkLabels reads a file through once more beforehand, so that a wrong label
// at its end does not come to light when the model has been paid for the rest.
// Rows from a pipe can be read only once: their labels are checked on the way.
func (c *evalCommand) checkLabels(ctx context.Context, scorer *eval.Scorer, in *input) error {
	if in.info == nil || !in.info.Mode().IsRegular() {
		return nil
	}
	again, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer again.close()
	for {
		row, err := again.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = c.sample(row, scorer, again)
		}
		if err != nil {
			return err
		}
	}
}

// sample returns the row's label and group. A label that the taxonomy has not is
// an error: any figure would count it as a mistake of the classifier.
func (c *evalCommand) sample(row table.Row, scorer *eval.Scorer, in *input) (eval.Sample, error) {
	label, _ := row.Get(c.Label)
	want := strings.TrimSpace(label.String())
	if !scorer.Knows(want) {
		want = strings.ToUpper(strings.Join(strings.FieldsFunc(want, separatesWords), "_"))
	}
	if !scorer.Knows(want) {
		return eval.Sample{}, fmt.Errorf("%s: line %d: the %s %q is no category of the taxonomy: "+
			"correct it, or name the right column by --label (the categories: credenza taxonomy show)",
			in.name, in.rows.Line(), c.Label, label.String())
	}
	group := ""
	if c.By != "" {
		value, _ := row.Get(c.By)
		if group = value.String(); value.Blank() {
			group = "(none)"
		}
	}
	return eval.Sample{Want: want, Group: group}, nil
}

func separatesWords(r rune) bool { return r == ' ' || r == '-' || r == '_' }

// judged completes a sample by its result.
func judged(sample eval.Sample, r *credenza.Result) eval.Sample {
	if r.Err != nil {
		sample.Failure = r.Err.Reason
		return sample
	}
	sample.Got, sample.Confidence = r.Classification.Category, r.Classification.Confidence
	return sample
}

// ledger holds the labels of items under way. The client's goroutine puts them
// in, the results take them out.
type ledger struct {
	mu      sync.Mutex
	next    int64
	samples map[int64]eval.Sample
}

// put keeps the sample of the next item in the order of the feed.
func (l *ledger) put(sample eval.Sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples[l.next] = sample
	l.next++
}

func (l *ledger) take(index int64) eval.Sample {
	l.mu.Lock()
	defer l.mu.Unlock()
	sample := l.samples[index]
	delete(l.samples, index)
	return sample
}

func (c *evalCommand) writeConfusion(report *evalReport) (err error) {
	file, err := os.Create(c.Confusion)
	if err != nil {
		return fmt.Errorf("the confusion matrix cannot be written: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	columns := []string{"label"}
	for _, category := range report.Categories {
		columns = append(columns, category.Name)
	}
	w, err := table.NewWriter(file, table.WriterConfig{Format: table.CSV, Columns: columns})
	if err != nil {
		return err
	}
	for i, counts := range report.Confusion {
		values := []table.Value{table.TextValue(report.Categories[i].Name)}
		for _, n := range counts {
			values = append(values, table.IntValue(int64(n)))
		}
		if err := w.Write(values); err != nil {
			return err
		}
	}
	return w.Flush()
}
