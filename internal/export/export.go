package export

import (
	"context"
	"path"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

// Format is the form of a file.
type Format uint8

// The formats.
const (
	CSV Format = iota
	XLSX
	JSONLines
	// Labels is CSV with the labels of people, of checked results alone, for an evaluation.
	Labels
)

// Jobs has the jobs and their results. It is safe for concurrent use. Errors are faults or
// the context's.
type Jobs interface {
	Get(ctx context.Context, who catalog.Owner, id string) (catalog.Job, error)
	// Results calls take with a page of a job's results and the cells of their rows.
	Results(ctx context.Context, q catalog.ResultQuery, take func(o *catalog.Outcome, cells []string) bool) (catalog.ResultPage, error)
}

// Corrections has what people said about the results of jobs. It is safe for concurrent
// use. Errors are faults or the context's.
type Corrections interface {
	// Corrections returns a page of the corrections in force, by index.
	Corrections(ctx context.Context, q catalog.CorrectionQuery) (page []catalog.Correction, next string, err error)
}

// Exports makes files of jobs. It is safe for concurrent use. Errors are faults or the
// context's.
type Exports struct {
	jobs        Jobs
	corrections Corrections // nil: there are none
	turns       *semaphore.Weighted
}

// maxAtOnce is how many files are made at once: each takes the disk and a processor.
const maxAtOnce = 4

// New returns the exports of jobs. Without corrections no result is checked.
func New(jobs Jobs, corrections Corrections) *Exports {
	return &Exports{jobs, corrections, semaphore.NewWeighted(maxAtOnce)}
}

// How many results and corrections are asked for at once. Each page of results reads the
// rows of its chunks again.
const (
	resultsPage     = 10_000
	correctionsPage = 1000
)

// Open reads the results of a job that has ended. The caller calls Close.
func (e *Exports) Open(ctx context.Context, who catalog.Owner, id string, format Format) (_ *File, err error) {
	job, err := e.jobs.Get(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if !job.State.Ended() {
		return nil, fault.New(fault.Conflict, "the job has not ended: export it when it has, or cancel it")
	}
	if format == XLSX {
		if err := table.CheckSheetRows(int(job.Progress.Total)); err != nil {
			return nil, err
		}
	}
	if e.turns.Acquire(ctx, 1) != nil {
		return nil, context.Cause(ctx)
	}
	f := &File{job: job, format: format, all: who.All, release: func() { e.turns.Release(1) }}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.spool, err = newSpool(); err != nil {
		return nil, err
	}
	if err := f.readResults(ctx, e.jobs, who); err != nil {
		return nil, err
	}
	if e.corrections != nil {
		err = f.readCorrections(ctx, e.corrections, who)
	}
	return f, err
}

func (f *File) readResults(ctx context.Context, jobs Jobs, who catalog.Owner) error {
	var failed error
	q := catalog.ResultQuery{Owner: who, ID: f.job.ID, Size: resultsPage, Rows: true}
	for {
		page, err := jobs.Results(ctx, q, func(o *catalog.Outcome, cells []string) bool {
			failed = f.spool.add(o, cells)
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		if err != nil {
			return err
		}
		if page.Columns != nil {
			f.columns = page.Columns
		}
		if q.Token = page.Next; q.Token == "" {
			return f.spool.sort()
		}
	}
}

func (f *File) readCorrections(ctx context.Context, corrections Corrections, who catalog.Owner) error {
	f.corrections = map[int64]*catalog.Correction{}
	q := catalog.CorrectionQuery{Owner: who, ID: f.job.ID, Size: correctionsPage}
	for {
		page, next, err := corrections.Corrections(ctx, q)
		if err != nil {
			return err
		}
		for i := range page {
			f.corrections[page[i].Index] = &page[i]
		}
		if q.Token = next; next == "" {
			return nil
		}
	}
}

// endings are the ends of the names of files, and mediaTypes their types.
var (
	endings    = [...]string{CSV: "-results.csv", XLSX: "-results.xlsx", JSONLines: "-results.jsonl", Labels: "-labels.csv"}
	mediaTypes = [...]string{
		CSV: "text/csv; charset=utf-8", Labels: "text/csv; charset=utf-8", JSONLines: "application/x-ndjson",
		XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	}
)

// Name returns a name for the file.
func (f *File) Name() string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, f.job.Name)
	name = strings.TrimSuffix(name, ".gz")
	name = strings.Trim(strings.TrimSuffix(name, path.Ext(name)), " .")
	if name == "" {
		name = f.job.ID
	}
	return name + endings[f.format]
}

// MediaType returns the file's type.
func (f *File) MediaType() string { return mediaTypes[f.format] }
