package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type classifyCommand struct {
	source
	resultFlags
	rowFlags
	columnFlags
	DryRun        bool   `help:"Count the rows, calls and tokens, estimate the time, and classify nothing."`
	ProductColumn string `default:"Product URL" placeholder:"NAME" help:"Another name for the column of product pages (default: Product URL)."`
	callFlags
	target
}

// storedBatch is the least that the limit of a batch may be if results are stored: fewer,
// larger writes.
const storedBatch = 100

// Help is the second part of `credenza classify --help`.
func (*classifyCommand) Help() string {
	return `Columns are matched by the names that shops and their software give them in several languages, and by their values; one line on standard error says which column became what. Bookkeeping columns such as stock and tax are left out, all other values are used. Rows that only add a picture or a variant to the product above them share its answer. FILE may also be a folder of pictures, and image_url a path relative to FILE.

With --out, results are written to OUT.part, which is renamed to OUT at the end. After an interruption no more rows are read, the items in flight are waited for (a second interruption ends them), and the command that continues is printed. The exit code is 1 if items failed; standard error then has their number by reason.`
}

// Validate checks what can be checked before anything is started.
func (c *classifyCommand) Validate() error {
	if err := c.validate(c.Out); err != nil {
		return err
	}
	if _, err := chooseFormat(c.Output, c.Out, false); err != nil {
		return err
	}
	if c.DryRun && (c.again() || c.Resume) {
		return errors.New("--dry-run counts all rows of FILE: leave out --only-failed, --only-review and --resume")
	}
	if err := c.callFlags.Validate(); err != nil {
		return err
	}
	return c.target.Validate()
}

// Run classifies the file.
func (c *classifyCommand) Run(ctx context.Context, s streams) (err error) {
	s.err = &lockedWriter{w: s.err}
	ctx, end := orHangUp(ctx)
	defer end()
	in, err := c.openAny(ctx, s)
	if err != nil {
		return err
	}
	defer in.close()
	defer func() { in.sayNotes(s.err) }() // the encoding of a stream may be known late
	run := &classifyRun{classifyCommand: c, in: in, notes: s.err, args: s.args, rows: newOrdering()}
	if run.columns, err = c.match(ctx, in, s.err); err != nil {
		return err
	}
	if c.ShowColumns {
		return c.show(run.columns, s.out)
	}
	if run.pick, err = c.selectRows(ctx, in); err != nil {
		return err
	}
	if c.DryRun {
		return run.estimate(ctx, s)
	}
	if err := run.openFiles(ctx, s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.closeFiles()) }()
	if run.to.part != nil {
		outliveReaders()
		c.TextBatchSize, c.ImageBatchSize = max(c.TextBatchSize, storedBatch), max(c.ImageBatchSize, storedBatch)
		if !run.local() { // else nothing is paid
			run.stored = app.NewStored()
		}
	}
	if run.local() && (in.pictures != nil || c.Mode == "image") {
		printLine(s.err, "credenza: the offline classifier sees no pictures: it goes by the names of files and by texts")
	}
	client, disconnect, err := c.connect(context.WithoutCancel(ctx), s.err, run.stored)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disconnect()) }()
	return run.classify(ctx, client)
}

// match matches the columns of a file. A folder of pictures has none.
func (c *classifyCommand) match(ctx context.Context, in *input, notes io.Writer) (*table.Mapping, error) {
	if in.pictures == nil {
		return c.mapping(ctx, &c.source, in, c.ProductColumn, notes)
	}
	if c.ShowColumns || len(c.Column) > 0 {
		return nil, fmt.Errorf("%s is a folder of pictures, which has no columns: leave out --column and --show-columns", in.name)
	}
	return nil, nil
}

// openFiles opens the file of results, and the earlier one of which rows are kept.
func (r *classifyRun) openFiles(ctx context.Context, s streams) (err error) {
	l, err := r.layout(ctx)
	if err != nil {
		return err
	}
	more := func(subject map[string]string) error {
		err := r.addServer(ctx, subject)
		if err != nil && ctx.Err() != nil {
			return errInterrupted
		}
		return r.explain(err)
	}
	if r.to, err = r.openResults(ctx, r.in, s, l, r.subject(), more); err != nil {
		return err
	}
	if r.again() {
		r.prior, err = openEarlier(r.Out, &r.to.Layout, &r.rowFlags)
	}
	if err == nil {
		err = r.tally.resume(r.to.earlier().Note)
	}
	if err != nil {
		return errors.Join(err, r.closeFiles())
	}
	return nil
}

func (r *classifyRun) closeFiles() error { return errors.Join(r.prior.close(), r.to.close()) }

// layout returns the columns of the results, but for their format.
func (r *classifyRun) layout(ctx context.Context) (resultfile.Layout, error) {
	l := resultfile.Layout{
		Dialect: r.in.rows.Dialect(), Prefix: r.Prefix, Trace: r.Trace, WithInput: r.WithInput, Hashed: true,
		Inputs: r.in.rows.Header(),
	}
	if l.Inputs != nil {
		return l, nil
	}
	l.ByKey = true
	format, err := chooseFormat(r.Output, r.Out, false)
	if err != nil || (format != table.CSV && format != table.XLSX) {
		return l, err
	}
	l.Inputs, err = r.keysOf(ctx)
	return l, err
}

// keysOf returns the keys of all rows of an input without a header, in the order in which
// they appear, or those of the first row of an input that can be read once only.
func (r *classifyRun) keysOf(ctx context.Context) ([]string, error) {
	if !r.in.again {
		return r.in.rows.First.Keys(), nil
	}
	var keys []string
	known := map[string]bool{}
	err := r.eachRow(ctx, r.in, func(_ *input, row table.Row) error {
		for _, cell := range row {
			if !known[cell.Key] {
				known[cell.Key] = true
				keys = append(keys, cell.Key)
			}
		}
		return nil
	})
	return keys, err
}

// itemOf returns the item of a row. It is called for all rows in their order, those
// that are not asked included: a row may be part of the product above it.
func (r *classifyRun) itemOf(row table.Row) *catalog.Item {
	if r.in.pictures != nil {
		return table.MapRow(row, r.ProductColumn)
	}
	return r.columns.Item(row)
}

// load adds the pictures that are files to the item of a row.
func (r *classifyRun) load(row table.Row, mapped *catalog.Item) (credenza.Item, error) {
	if r.in.pictures != nil {
		return r.in.pictures.item(row)
	}
	item := itemOf(mapped)
	r.in.local.load(&item)
	return item, nil
}
