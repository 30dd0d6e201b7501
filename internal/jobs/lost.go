package jobs

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/fault"
)

// unreadable is an error of something stored that will never be read.
type unreadable struct{ cause error }

func (u *unreadable) Error() string { return "stored data cannot be read: " + u.cause.Error() }

func (u *unreadable) Unwrap() error { return u.cause }

func dataLoss(cause error) *fault.Fault {
	return fault.Wrap(cause, fault.DataLoss, "stored data of the job is damaged or lost: what can be read was sent, send the items again as a new job")
}

// lost is the set of jobs with stored items or results but without a record: broken
// uploads, whose id no caller knows, and jobs whose record the disk has lost.
type lost struct {
	known chan struct{} // closed when the store was looked through

	jobs sync.Map // by id
}

func newLost() *lost { return &lost{known: make(chan struct{})} }

// has reports whether a job's record is lost. It waits until findLost has read the store.
func (l *lost) has(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	select {
	case <-l.known:
	case <-ctx.Done():
	}
	_, ok := l.jobs.Load(id)
	return ok
}

// findLost searches the store for lost jobs and logs them.
func (s *Service) findLost(ctx context.Context) {
	defer close(s.lost.known)
	select {
	case <-s.mirror.whole:
	case <-ctx.Done():
		return
	}
	if err := s.lookForLost(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("the check for lost job records failed", zap.Error(err))
	}
}

func (s *Service) lookForLost(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	items, err := s.store.uploads(ctx, itemsStream, itemsPrefix)
	if err != nil {
		return err
	}
	results, err := s.store.uploads(ctx, resultsStream, resultsPrefix)
	if err != nil {
		return err
	}
	for _, rec := range s.mirror.all(func(*jobRecord) bool { return true }) {
		if rec.active() && items[rec.Upload] < rec.Chunks {
			s.log.Error("items of a job are lost", zap.String("job", rec.ID), zap.Int64("chunks", rec.Chunks-items[rec.Upload]))
		}
		delete(items, rec.Upload)
		delete(results, rec.Upload)
	}
	for upload := range items {
		id, err := jobOf(ctx, s.store.items, allOf(itemsPrefix, upload))
		if err != nil {
			return err
		}
		s.lost.jobs.Store(id, true)
		if results[upload] == 0 {
			s.log.Info("items without a job are stored: their upload broke off, or the job's record is lost", zap.String("job", id))
		}
	}
	for upload := range results {
		id, err := jobOf(ctx, s.store.results, allOf(resultsPrefix, upload))
		if err != nil {
			return err
		}
		s.lost.jobs.Store(id, true)
		s.log.Error("the record of a job is lost", zap.String("job", id))
	}
	return nil
}

// jobOf returns the id of the job that the messages with a subject belong to, empty if
// they do not say.
func jobOf(ctx context.Context, stream jetstream.Stream, subject string) (string, error) {
	last, err := stream.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return "", ignoreMissing(err)
	}
	return last.Header.Get(headerJob), nil
}

// uploads counts a stream's subjects by upload.
func (st *store) uploads(ctx context.Context, stream, prefix string) (map[string]int64, error) {
	info, err := st.info(ctx, stream, prefix+">")
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for subject := range info.State.Subjects {
		upload, _, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
		counts[upload]++
	}
	return counts, nil
}

// checkChunks returns *unreadable if chunks of the job are lost.
func (st *store) checkChunks(ctx context.Context, rec *jobRecord) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	info, err := st.info(ctx, itemsStream, allOf(itemsPrefix, rec.Upload))
	if err == nil && int64(len(info.State.Subjects)) < rec.Chunks {
		err = &unreadable{errors.New("chunks of the job are lost")}
	}
	return err
}
