package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Bounds of one page, so that a filter that lets little through does not read a whole
// job in one call.
const (
	maxScanned = 10_000
	scanTime   = 2 * time.Second
)

// maxPagesWithRows is how many pages are read with their rows at once, since each holds
// up to maxHeldChunks chunks of items, some 30 MB.
const maxPagesWithRows = 8

// Results calls take with a page of a job's results, in the order in which they were
// stored. A take that returns false has no room for the result, which begins the next
// page. A page may be empty although more follow.
//
// Results that can be read are listed before the error of those that cannot.
func (s *Service) Results(ctx context.Context, q catalog.ResultQuery, take func(o *catalog.Outcome, cells []string) bool) (catalog.ResultPage, error) {
	rec, err := s.find(ctx, q.Owner, q.ID)
	if err != nil {
		return catalog.ResultPage{}, err
	}
	from, err := parseListed(q.Token, rec, q.Filter)
	if err != nil {
		return catalog.ResultPage{}, err
	}
	if q.Rows {
		if s.pages.Acquire(ctx, 1) != nil {
			return catalog.ResultPage{}, context.Cause(ctx)
		}
		defer s.pages.Release(1)
	}
	l := &listing{service: s, rec: rec, query: q, take: take, from: from, next: from, rows: rows{store: s.store, rec: rec}}
	ended, err := l.fill(ctx)
	page := catalog.ResultPage{Columns: l.rows.columns}
	if l.taken > 0 && s.config.Sync == 0 && ctx.Err() == nil {
		if err := s.store.sync(ctx); err != nil { // as for watchers
			return catalog.ResultPage{}, err
		}
	}
	switch {
	case ctx.Err() != nil:
		return catalog.ResultPage{}, context.Cause(ctx)
	case err != nil && l.taken == 0:
		return catalog.ResultPage{}, s.orGone(ctx, q.Owner, q.ID, err)
	case err != nil || !ended:
		page.Next = l.next.token(l.rec, q.Filter)
	}
	page.State = l.rec.State
	return page, nil
}

// listing is the making of one page.
type listing struct {
	service *Service
	rec     *jobRecord
	query   catalog.ResultQuery
	take    func(o *catalog.Outcome, cells []string) bool
	from    listed // where the page begins
	next    listed // where the next one begins
	rows    rows
	until   time.Time // zero: nothing was read yet
	taken   int
}

// errPageFull ends the reading of a page.
var errPageFull = errors.New("the page is full")

// fill reads the page. It returns true if it has met the job's end; the error is DataLoss
// if results are missing then. Before that, the job is read from its beginning: a NATS
// server whose disk was full may find nothing from a place within a stream on.
func (l *listing) fill(ctx context.Context) (ended bool, err error) {
	for from := l.from.At.Major; ; from = 0 {
		if ended, err = l.read(ctx, from); !ended || err != nil {
			return ended, err
		}
		if err = l.atEnd(ctx); from == 0 || !fault.Is(err, fault.DataLoss) {
			return true, err
		}
		l.from = l.next
	}
}

// read reads the page, from a sequence on. It returns true if it has met the job's end.
func (l *listing) read(ctx context.Context, from uint64) (ended bool, err error) {
	all := reading{filters: []string{allOf(resultsPrefix, l.rec.Upload)}}
	if from > 0 {
		all.after = from - 1
	}
	err = l.service.store.replay(ctx, all, func(msg jetstream.Msg, seq uint64) error { return l.message(ctx, msg, seq) })
	switch {
	case errors.Is(err, errAtEnd):
		return true, nil
	case errors.Is(err, errPageFull):
		return false, nil
	}
	return l.rec.State.Ended(), err // even if the stored end is lost
}

// message takes the wanted results of one stored message.
func (l *listing) message(ctx context.Context, msg jetstream.Msg, seq uint64) error {
	if msg.Subject() == endSubject(l.rec.Upload) || (l.rec.EndedSeq != 0 && seq >= l.rec.EndedSeq) {
		return errAtEnd
	}
	if seq < l.from.At.Major {
		return nil // of an earlier page
	}
	if l.isFull() {
		return errPageFull
	}
	if n := l.unwanted(msg, seq); n > 0 {
		l.pass(seq, n)
		return nil
	}
	outcomes, err := codec.DecodeOutcomes(msg.Data())
	if err != nil {
		return &unreadable{err}
	}
	for i := range outcomes {
		at := position{seq, i + 1}
		if !at.after(l.from.At) {
			continue
		}
		if l.query.Filter.Has(&outcomes[i]) {
			if err := l.add(ctx, msg, &outcomes[i]); err != nil {
				return err
			}
		}
		l.next = listed{at, l.next.Done + 1}
	}
	l.pass(seq, 0)
	return nil
}

// add takes a result, with its row if rows are wanted.
func (l *listing) add(ctx context.Context, msg jetstream.Msg, o *catalog.Outcome) error {
	if l.isFull() {
		return errPageFull
	}
	var cells []string
	if l.query.Rows {
		var err error
		if cells, err = l.rows.of(ctx, msg.Subject(), o.Index); err != nil {
			return err
		}
	}
	if !l.take(o, cells) {
		return errPageFull
	}
	l.taken++
	return nil
}

// unwanted returns how many results a message has if its header shows that the filter
// lets none of them through, else 0.
func (l *listing) unwanted(msg jetstream.Msg, seq uint64) int64 {
	t := readTally(msg)
	if l.query.Filter != catalog.FailedResults || t.Failed > 0 || seq == l.from.At.Major {
		return 0
	}
	return t.Done
}

// pass moves the next page's beginning behind a message with so many results that were
// not looked at.
func (l *listing) pass(seq uint64, results int64) {
	l.next = listed{position{seq + 1, 0}, l.next.Done + results}
}

// isFull reports whether no further message is read. The first one always is.
func (l *listing) isFull() bool {
	if l.until.IsZero() {
		l.until = time.Now().Add(scanTime)
		return false
	}
	return l.taken == l.query.Size || l.next.Done-l.from.Done >= maxScanned || time.Now().After(l.until)
}

// atEnd has the record say that the job has ended. The error is DataLoss if results are
// missing.
func (l *listing) atEnd(ctx context.Context) error {
	if err := l.service.settle(ctx, l.rec); err != nil {
		return err
	}
	rec, err := l.service.find(ctx, l.query.Owner, l.rec.ID)
	if err != nil {
		return err
	}
	if rec.Upload != l.rec.Upload || rec.Tally == nil {
		return notFound()
	}
	l.rec = rec
	if missing := rec.Tally.Done - l.next.Done; missing > 0 {
		return dataLoss(fmt.Errorf("%d missing of %s", missing, catalog.Count(rec.Tally.Done, "result")))
	}
	return nil
}
