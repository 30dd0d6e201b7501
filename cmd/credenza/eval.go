package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/credenza-dev/credenza/internal/eval"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type evalCommand struct {
	source
	columnFlags
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

// evalReport is the output of --json.
type evalReport struct {
	Backend  string `json:"backend"`
	Model    string `json:"model"`
	Taxonomy string `json:"taxonomy_version"`
	eval.Report
}

// Validate checks the flags.
func (c *evalCommand) Validate() error {
	if err := c.callFlags.Validate(); err != nil {
		return err
	}
	return c.target.Validate()
}

// Run classifies the file and prints the figures.
func (c *evalCommand) Run(ctx context.Context, s streams) (err error) {
	in, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer in.close()
	if err := c.checkColumns(in); err != nil {
		return err
	}
	columns, err := c.mapping(ctx, &c.source, in, "", s.err, c.hidden()...)
	if err != nil {
		return err
	}
	if c.ShowColumns {
		return c.show(columns, s.out)
	}
	matrix, err := c.openConfusion(ctx, in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, matrix.close()) }()
	client, end, err := c.connect(ctx, s.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	report, err := c.evaluate(ctx, client, in, columns, newProgress(s.err, false, "classifying", unknownTotal), s.err)
	if err != nil {
		return c.explain(err)
	}
	return errors.Join(c.print(s, &report), matrix.write(&report))
}

func (c *evalCommand) print(s streams, report *evalReport) error {
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return printReport(s, c.By, report)
}

// checkColumns returns an error for unknown column names if the file has a header.
func (c *evalCommand) checkColumns(in *input) error {
	if in.rows.Columns() == nil {
		return nil
	}
	missing := c.watch()
	missing.note(in.first)
	return missing.problem(in)
}

func (c *evalCommand) watch() *missingColumns { return &missingColumns{c.hidden()} }

// missingColumns are columns that no row has had so far. A column that stays missing
// fails the evaluation, because an --exclude without effect would improve the figures.
type missingColumns struct{ names []string }

// note removes the columns of a row.
func (m *missingColumns) note(row table.Row) {
	m.names = slices.DeleteFunc(m.names, func(name string) bool {
		_, there := row.Get(name)
		return there
	})
}

// problem returns an error if columns are missing after the last row.
func (m *missingColumns) problem(in *input) error {
	if len(m.names) == 0 {
		return nil
	}
	extent := "it has"
	if in.rows.Columns() == nil {
		extent = "no row has it, and the first has"
	}
	return fmt.Errorf("%s has no column %q: %s %s", in.name, m.names[0], extent, strings.Join(in.columns, ", "))
}

// hidden returns the columns that are kept from the classifier.
func (c *evalCommand) hidden() []string {
	names := append([]string{c.Label}, c.Exclude...)
	if c.By != "" {
		names = append(names, c.By)
	}
	return names
}

// evaluate classifies the rows and scores the answers.
func (c *evalCommand) evaluate(
	ctx context.Context, client *credenza.Client, in *input, columns *table.Mapping, bar *progress, notes io.Writer,
) (evalReport, error) {
	defer bar.end()
	scorer, version, err := newScorer(ctx, client)
	if err != nil {
		return evalReport{}, err
	}
	if err := c.checkRows(ctx, scorer, in); err != nil {
		return evalReport{}, err
	}
	report := evalReport{Taxonomy: version}
	wanted := &pendingSamples{samples: map[int64]eval.Sample{}}
	missing := c.watch()
	rows := &rowFeed{in: in, item: func(row table.Row) (credenza.Item, error) {
		missing.note(row)
		sample, err := c.sample(row, scorer, in)
		if err != nil {
			return credenza.Item{}, err
		}
		wanted.put(sample)
		return itemOf(columns.Item(row.Without(c.hidden()...))), nil
	}}
	err = rows.classify(ctx, client, c.options(), onNotice(notes, bar), func(batch credenza.Batch) error {
		bar.done(len(batch.Results))
		for i := range batch.Results {
			r := &batch.Results[i]
			if err := scorer.Add(scored(wanted.take(r.Index), r)); err != nil {
				return err
			}
			if r.Err == nil {
				report.Backend, report.Model = r.Trace.Backend, r.Trace.Model
			}
		}
		return nil
	})
	report.Report = scorer.Report()
	if err == nil {
		err = missing.problem(in)
	}
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

// checkRows reads the whole file before the evaluation, so that a wrong label at its end
// or a missing column is found before the model is paid for the rest. Rows from a pipe
// can be read only once and are checked during the evaluation.
func (c *evalCommand) checkRows(ctx context.Context, scorer *eval.Scorer, in *input) error {
	if !in.again {
		return nil
	}
	again, err := c.open(ctx, streams{})
	if err != nil {
		return err
	}
	defer again.close()
	missing := c.watch()
	for ctx.Err() == nil {
		row, err := again.next()
		if errors.Is(err, io.EOF) {
			return missing.problem(again)
		}
		missing.note(row)
		if err == nil {
			_, err = c.sample(row, scorer, again)
		}
		if err != nil {
			return err
		}
	}
	return errInterrupted
}

// sample returns the row's label and group. A label that the taxonomy does not have is an
// error, because all figures would count it as a mistake of the classifier.
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

// scored returns the sample with its result.
func scored(sample eval.Sample, r *credenza.Result) eval.Sample {
	if r.Err != nil {
		sample.Failure = r.Err.Reason
		return sample
	}
	sample.Got, sample.Confidence = r.Classification.Category, r.Classification.Confidence
	return sample
}

// pendingSamples holds the samples of items in flight. It is safe for concurrent use.
type pendingSamples struct {
	mu      sync.Mutex
	next    int64
	samples map[int64]eval.Sample
}

// put stores the sample of the next item of the feed.
func (l *pendingSamples) put(sample eval.Sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples[l.next] = sample
	l.next++
}

func (l *pendingSamples) take(index int64) eval.Sample {
	l.mu.Lock()
	defer l.mu.Unlock()
	sample := l.samples[index]
	delete(l.samples, index)
	return sample
}
