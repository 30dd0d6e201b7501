package main

import (
	"cmp"
	"context"
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
	Exclude   []string `placeholder:"COLUMN" help:"Further columns that the classifier must not see."`
	JSON      bool     `name:"json" help:"Print the figures as JSON."`
	Confusion string   `placeholder:"FILE" help:"Write the confusion matrix to FILE as CSV too."`
	callFlags
	target
}

// Help is the second part of `credenza eval --help`.
func (*evalCommand) Help() string {
	return `Neither the label nor the columns of --by and --exclude reach the classifier. Exclude whatever gives the label away, such as the shop's own category.

The figures are about the items that were answered. Items that failed and rows that cannot be read are counted separately, and make the exit code 1. Macro-F1 is the mean over the categories that occur as a label or as an answer. The calibration error is the mean distance between confidence and accuracy over all items.`
}

// evalReport is the output of --json.
type evalReport struct {
	Backend    string `json:"backend"`
	Model      string `json:"model"`
	Taxonomy   string `json:"taxonomy_version"`
	Unreadable int    `json:"unreadable,omitempty"` // rows
	eval.Report
}

// Validate checks the flags.
func (c *evalCommand) Validate() error { return cmp.Or(c.callFlags.Validate(), c.target.Validate()) }

// Run classifies the file and prints the figures.
func (c *evalCommand) Run(ctx context.Context, s streams) (err error) {
	e := &evaluation{evalCommand: c, missing: c.hidden()}
	if e.in, err = c.open(ctx, s); err != nil {
		return err
	}
	defer e.in.close()
	defer func() { e.in.sayNotes(s.err) }() // the encoding of a stream may be known late
	if e.in.rows.Columns() != nil {
		if err := e.hasColumns(e.in, e.in.rows.First); err != nil {
			return err
		}
	}
	if e.columns, err = c.mapping(ctx, &c.source, e.in, "", s.err, c.hidden()...); err != nil {
		return err
	}
	if c.ShowColumns {
		return c.show(e.columns, s.out)
	}
	matrix, err := c.openConfusion(ctx, e.in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, matrix.close()) }()
	client, end, err := c.connect(ctx, s.err, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	if err := e.evaluate(ctx, client, s.err); err != nil {
		return c.explain(err)
	}
	err = errors.Join(c.print(s, &e.report), writeConfusion(matrix, &e.report), reportUnreadable(&e.rows.unreadable, s.err, "in none of the figures"))
	if err == nil && e.report.Failed > 0 {
		return errItemsFailed
	}
	return err
}

func (c *evalCommand) print(s streams, report *evalReport) error {
	if c.JSON {
		return printJSON(s.out, report)
	}
	printReport(s, c.By, report)
	return nil
}

// hidden returns the columns that are kept from the classifier.
func (c *evalCommand) hidden() []string {
	names := append([]string{c.Label}, c.Exclude...)
	if c.By != "" {
		names = append(names, c.By)
	}
	return names
}

// evaluation is one run of the command.
type evaluation struct {
	*evalCommand
	in      *input
	columns *table.Mapping
	scorer  *eval.Scorer
	rows    rowFeed
	report  evalReport
	asked   int64
	wanted  sync.Map // the samples of items in flight, by their places
	// missing are columns that no row has had so far. One that stays missing fails the
	// evaluation, because an --exclude without effect would improve the figures.
	missing []string
}

// hasColumns returns an error if no row, this one included, has had a column that is named.
func (e *evaluation) hasColumns(in *input, row table.Row) error {
	e.missing = slices.DeleteFunc(e.missing, func(name string) bool {
		_, there := row.Get(name)
		return there
	})
	if len(e.missing) == 0 {
		return nil
	}
	extent := "it has"
	if in.rows.Columns() == nil {
		extent = "no row has it, and the first has"
	}
	return fmt.Errorf("%s has no column %q: %s %s", in.name, e.missing[0], extent, strings.Join(in.rows.Names(), ", "))
}

// evaluate classifies the rows and scores the answers.
func (e *evaluation) evaluate(ctx context.Context, client *credenza.Client, notes io.Writer) error {
	bar := newProgress(notes, false, "classifying", unknownTotal)
	defer bar.end()
	if err := e.newScorer(ctx, client); err != nil {
		return err
	}
	if err := e.checkRows(ctx); err != nil {
		return err
	}
	e.missing = e.hidden()
	e.rows = rowFeed{in: e.in, item: e.item}
	stream := client.Feed(ctx, e.rows.items(ctx), e.options())
	stream.OnNotice(onNotice(notes, bar))
	var failed error
	for batch, err := range stream.Batches() {
		bar.done(len(batch.Results))
		for i := range batch.Results {
			err = cmp.Or(err, e.score(&batch.Results[i]))
		}
		if failed = err; failed != nil {
			e.in.stop() // an input that has nothing to say would hold up the call's end
			break
		}
	}
	e.report.Report = e.scorer.Report()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case failed != nil:
		return failed
	case e.rows.failed != nil:
		return e.rows.failed
	case e.report.Answered == 0 && len(e.missing) == 0:
		return fmt.Errorf("no item was answered: %s", countsByReason(e.report.FailuresByReason))
	}
	e.report.Unreadable = e.rows.unreadable.Count
	return e.hasColumns(e.in, nil)
}

func (e *evaluation) newScorer(ctx context.Context, client *credenza.Client) error {
	t, err := client.Taxonomy(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(t.Categories))
	for i, category := range t.Categories {
		names[i] = category.Name
	}
	e.report.Taxonomy = t.Version
	e.scorer, err = eval.NewScorer(names)
	return err
}

// checkRows reads the whole file before the evaluation, so that a wrong label at its end
// or a missing column is found before the model is paid for the rest. Rows from a pipe
// can be read only once and are checked during the evaluation.
func (e *evaluation) checkRows(ctx context.Context) error {
	if !e.in.again {
		return nil
	}
	var missing error
	err := e.eachRow(ctx, e.in, func(again *input, row table.Row) error {
		if row == nil {
			return nil
		}
		missing = e.hasColumns(again, row)
		_, err := e.sample(again, row)
		return err
	})
	return cmp.Or(err, missing)
}

// item makes an item of a row, whose sample waits for its result.
func (e *evaluation) item(row table.Row, unreadable *table.RowError) (*credenza.Item, error) {
	if unreadable != nil {
		return nil, nil //nolint:nilerr // the row is counted, and is no item
	}
	_ = e.hasColumns(e.in, row) // later rows may have them
	sample, err := e.sample(e.in, row)
	if err != nil {
		return nil, err
	}
	e.wanted.Store(e.asked, sample)
	e.asked++
	item := itemOf(e.columns.Item(row.Without(e.hidden()...)))
	return &item, nil
}

// sample returns the row's label and group. A label that the taxonomy does not have is an
// error, because all figures would count it as a mistake of the classifier.
func (e *evaluation) sample(in *input, row table.Row) (eval.Sample, error) {
	label, _ := row.Get(e.Label)
	want := strings.TrimSpace(label.String())
	if !e.scorer.Knows(want) {
		want = strings.ToUpper(strings.Join(strings.FieldsFunc(want, separatesWords), "_"))
	}
	if !e.scorer.Knows(want) {
		return eval.Sample{}, fmt.Errorf("%s: line %d: the %s %q is not a category of the taxonomy: "+
			"correct it, or name the right column by --label (the categories: credenza taxonomy show)",
			in.name, in.rows.Line(), e.Label, label.String())
	}
	group := ""
	if e.By != "" {
		value, _ := row.Get(e.By)
		if group = value.String(); value.Blank() {
			group = "(none)"
		}
	}
	return eval.Sample{Want: want, Group: group}, nil
}

func separatesWords(r rune) bool { return r == ' ' || r == '-' || r == '_' }

// score counts a result. A result without a sample is a server's that answers twice.
func (e *evaluation) score(r *credenza.Result) error {
	wanted, ok := e.wanted.LoadAndDelete(r.Index)
	if !ok {
		return nil
	}
	sample := wanted.(eval.Sample)
	if r.Err != nil {
		sample.Failure = string(r.Err.Reason)
	} else {
		sample.Got, sample.Confidence = r.Classification.Category, r.Classification.Confidence
		e.report.Backend, e.report.Model = r.Trace.Backend, r.Trace.Model
	}
	return e.scorer.Add(sample)
}
