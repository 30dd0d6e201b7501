package partfile

import (
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestFile_RewritesItsJournalInParts has a journal that is larger than all else in memory.
func TestFile_RewritesItsJournalInParts(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	text := json.RawMessage(`"` + strings.Repeat("x", 16_000) + `"`)
	for row := range int64(500) {
		s.do(f.Keep([]Record{{Row: row, Hash: 1, Question: uint64(row) + 1, Result: text}}))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.do(f.journal.rewrite())
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes for a journal of %d", n, f.journal.bytes)
	}
	if info, err := os.Stat(s.cfg.Path + journalSuffix); err != nil || info.Size() != int64(f.journal.bytes) || info.Size() < 8<<20 {
		t.Errorf("the journal says %d bytes and has %d, %v", f.journal.bytes, info.Size(), err)
	}
	crash(f)
	f = s.open(Resume)
	if got := f.Earlier(); len(got.Records) != 500 || len(got.Answers) != 500 {
		t.Errorf("got %d records and %d answers", len(got.Records), len(got.Answers))
	}
	s.do(f.Close())
}

// full is a disk on which nothing can be written.
type full struct{ longest int }

func (f *full) Write(b []byte) (int, error) {
	f.longest = max(f.longest, len(b))
	return 0, errors.New("no space left")
}

// TestRewrite_EndsAtTheFirstError has far more records than are written at once.
func TestRewrite_EndsAtTheFirstError(t *testing.T) {
	j := newJournal("", Config{})
	result := json.RawMessage(`"` + strings.Repeat("r", 1000) + `"`)
	for row := range int64(4000) {
		j.put(Record{Row: row, Result: result})
	}
	disk := &full{}
	if _, err := j.writeAll(disk); err == nil || cap(j.buf) > 1<<20 || disk.longest == 0 {
		t.Errorf("got %v, with a buffer of %d bytes", err, cap(j.buf))
	}
}
