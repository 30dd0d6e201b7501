package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// mirror is a copy of all records in this process, usually a moment behind.
type mirror struct {
	mu      sync.Mutex
	records map[string]mirrored // by id
	whole   chan struct{}       // closed when all records were read once
}

type mirrored struct {
	*jobRecord // never changed
	revision   uint64
}

func newMirror() *mirror {
	return &mirror{records: map[string]mirrored{}, whole: make(chan struct{})}
}

// put stores a record, unless the mirror has a newer revision.
func (m *mirror) put(rec *jobRecord, revision uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[rec.ID].revision < revision {
		kept := *rec
		m.records[rec.ID] = mirrored{&kept, revision}
	}
}

func (m *mirror) remove(id string, revision uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[id].revision <= revision {
		delete(m.records, id)
	}
}

// awaitWhole waits until all records have been read once.
func (m *mirror) awaitWhole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	select {
	case <-m.whole:
		return nil
	case <-ctx.Done():
		return storageAway(errors.New("the records have not been read yet"))
	}
}

// keep removes all records but those that were seen.
func (m *mirror) keep(seen map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.whole:
	default:
		close(m.whole)
	}
	for id := range m.records {
		if !seen[id] {
			delete(m.records, id)
		}
	}
}

func (m *mirror) get(id string) (*jobRecord, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.records[id]
	return rec.jobRecord, ok
}

// all returns the records for which wanted is true.
func (m *mirror) all(wanted func(*jobRecord) bool) []*jobRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*jobRecord
	for _, rec := range m.records {
		if wanted(rec.jobRecord) {
			list = append(list, rec.jobRecord)
		}
	}
	return list
}

// follow updates the mirror, and the active jobs from it, until ctx ends.
func (s *Service) follow(ctx context.Context) {
	for {
		if err := s.watchRecords(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the records of jobs cannot be followed: trying again", zap.Error(err))
		}
		if pause(ctx, time.Second) != nil {
			return
		}
	}
}

func (s *Service) watchRecords(ctx context.Context) error {
	watcher, err := s.store.records.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Stop() }() // its connection may have gone already
	// The timer retries what failed, and starts jobs that had to wait for a place.
	again := time.NewTicker(time.Second)
	defer again.Stop()
	seen := map[string]bool{} // nil: the first pass over what is stored has ended
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
			s.activeJobs.update(ctx)
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				return nil
			case entry != nil:
				s.mirrorEntry(entry, seen)
				if seen != nil {
					continue
				}
			case seen != nil:
				s.mirror.keep(seen)
				seen = nil
			}
			s.activeJobs.update(ctx)
		}
	}
}

func (s *Service) mirrorEntry(entry jetstream.KeyValueEntry, seen map[string]bool) {
	if entry.Operation() != jetstream.KeyValuePut {
		s.mirror.remove(entry.Key(), entry.Revision())
		return
	}
	rec, err := decodeRecord(entry.Value())
	if err != nil {
		s.log.Error("a job's record cannot be read", zap.String("job", entry.Key()), zap.Error(err))
	}
	if rec == nil {
		return
	}
	if seen != nil {
		seen[rec.ID] = true
	}
	s.mirror.put(rec, entry.Revision())
	if !rec.active() { // the record has the final counts
		s.tallies.Delete(rec.Upload)
	}
}

// States returns the number of stored jobs by state.
func (s *Service) States() map[catalog.JobState]int {
	counts := map[catalog.JobState]int{}
	for _, rec := range s.mirror.all(func(rec *jobRecord) bool { return rec.listed() }) {
		counts[rec.State]++
	}
	return counts
}
