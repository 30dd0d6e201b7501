package partfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// Record is the result of a row.
type Record struct {
	Row  int64  `json:"row"` // its place in the input, from 0
	Hash uint64 `json:"hash"`
	// Result is JSON that the caller understands. It is empty in a record that is in
	// the part already.
	Result json.RawMessage `json:"result,omitempty"`
}

// State is what runs have done so far.
type State struct {
	// Rows is how many rows from the first are in the part, and Hash the hash of them.
	Rows int64
	Hash uint64
	// Records are those of later rows, by their places.
	Records map[int64]Record
	// Note is that of the last Mark.
	Note string
	// Bytes is the size of the part.
	Bytes int64
}

// checkpoint is what the part stands for.
type checkpoint struct {
	Rows  int64  `json:"rows"`
	Hash  uint64 `json:"hash"`
	Bytes int64  `json:"bytes"`
	Note  string `json:"note,omitempty"`
}

// line is a line of the journal: exactly one member is set.
type line struct {
	Subject map[string]string `json:"subject,omitempty"`
	Mark    *checkpoint       `json:"mark,omitempty"`
	Kept    *Record           `json:"kept,omitempty"`
}

const (
	// compactAbove is the size from which a journal is rewritten once most of it is
	// of no use any more.
	compactAbove = 1 << 20
	compactShare = 2
)

// journal is the file next to the part.
type journal struct {
	path        string
	file        *os.File
	subject     map[string]string
	asCompleted bool
	mark        checkpoint
	stored      checkpoint       // the last one in the file
	live        map[int64][]byte // lines of records that count, by row
	bytes       int              // of the file
	liveBytes   int
	recent      []Record // as completed: kept since the last mark
	waiting     []int64  // as completed: kept by earlier runs, and not in the part
	buf         bytes.Buffer
}

func newJournal(path string, cfg Config) (*journal, error) {
	j := &journal{path: path, subject: cfg.Subject, asCompleted: cfg.AsCompleted, live: map[int64][]byte{}}
	return j, j.rewrite()
}

// rewrite replaces the file by one with what counts alone.
func (j *journal) rewrite() (err error) {
	j.buf.Reset()
	if err := j.add(line{Subject: j.subject}, line{Mark: &j.mark}); err != nil {
		return err
	}
	for _, row := range slices.Sorted(maps.Keys(j.live)) {
		j.buf.Write(j.live[row])
	}
	made := j.path + ".new"
	file, err := os.OpenFile(made, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(j.buf.Bytes()); err == nil {
		err = os.Rename(made, j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(made))
	}
	if j.file != nil {
		err = j.file.Close()
	}
	j.file, j.bytes, j.stored = file, j.buf.Len(), j.mark
	return err
}

// add appends lines to buf.
func (j *journal) add(lines ...line) error {
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		j.buf.Write(text)
		j.buf.WriteByte('\n')
	}
	return nil
}

// keep writes the mark, if it has moved, and records.
func (j *journal) keep(records []Record) error {
	j.buf.Reset()
	if j.mark != j.stored {
		if err := j.add(line{Mark: &j.mark}); err != nil {
			return err
		}
		for _, row := range j.waiting { // a mark stands for what is kept before it
			j.buf.Write(j.live[row])
		}
	}
	for i := range records {
		start := j.buf.Len()
		if err := j.add(line{Kept: &records[i]}); err != nil {
			return err
		}
		text := bytes.Clone(j.buf.Bytes()[start:])
		j.live[records[i].Row] = text
		j.liveBytes += len(text)
	}
	n, err := j.file.Write(j.buf.Bytes())
	if err != nil {
		return errors.Join(err, j.takeBack(n, records))
	}
	j.bytes += n
	j.stored = j.mark
	if j.asCompleted {
		j.recent = append(j.recent, records...)
	}
	if j.bytes > compactAbove && j.bytes > compactShare*j.liveBytes {
		return j.rewrite()
	}
	return nil
}

// takeBack removes a write that has failed half-way.
func (j *journal) takeBack(written int, records []Record) error {
	for _, r := range records {
		j.forget(r.Row)
	}
	if written == 0 {
		return nil
	}
	err := j.file.Truncate(int64(j.bytes))
	_, seek := j.file.Seek(int64(j.bytes), io.SeekStart)
	return errors.Join(err, seek)
}

func (j *journal) forget(row int64) {
	j.liveBytes -= len(j.live[row])
	delete(j.live, row)
}

// move sets the mark and drops records that it makes needless.
func (j *journal) move(to checkpoint) {
	for row := j.mark.Rows; row < to.Rows; row++ {
		j.forget(row)
	}
	j.mark = to
	if j.asCompleted {
		j.waiting = slices.DeleteFunc(j.waiting, func(row int64) bool { return row < to.Rows })
		j.shorten()
	}
}

// shorten drops the results of the records that have come into the part with this mark.
func (j *journal) shorten() {
	for _, r := range j.recent {
		if _, live := j.live[r.Row]; !live {
			continue
		}
		j.forget(r.Row)
		j.buf.Reset()
		if j.add(line{Kept: &Record{Row: r.Row, Hash: r.Hash}}) == nil { // a record of numbers always has a form
			j.live[r.Row] = bytes.Clone(j.buf.Bytes())
			j.liveBytes += j.buf.Len()
		}
	}
	j.recent = j.recent[:0]
}

// empty reports whether there is nothing to go on with.
func (j *journal) empty() bool { return j.mark == checkpoint{} && len(j.live) == 0 }

// close stores the last mark.
func (j *journal) close() error {
	var err error
	if j.mark != j.stored {
		err = j.keep(nil)
	}
	return errors.Join(err, j.file.Sync(), j.file.Close())
}

func (j *journal) remove() error { return errors.Join(j.file.Close(), os.Remove(j.path)) }

// loadJournal reads the journal of a part of the given size.
func loadJournal(path string, cfg Config, size int64) (*journal, State, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, State{}, fmt.Errorf("%s has lost its journal, so it cannot be continued: give --overwrite to begin again", cfg.Path+Suffix)
	}
	if err != nil {
		return nil, State{}, err
	}
	l := loader{cfg: cfg, size: size, records: map[int64]Record{}, written: map[int64]bool{}}
	if err := l.read(text); err != nil {
		return nil, State{}, err
	}
	j := &journal{
		path: path, subject: cfg.Subject, asCompleted: cfg.AsCompleted, mark: l.mark, live: map[int64][]byte{},
	}
	for row, r := range l.records {
		if row < l.mark.Rows {
			delete(l.records, row)
			continue
		}
		if l.written[row] {
			r.Result = nil
			l.records[row] = r
		} else if cfg.AsCompleted {
			j.waiting = append(j.waiting, row)
		}
		j.buf.Reset()
		if err := j.add(line{Kept: &r}); err != nil {
			return nil, State{}, err
		}
		j.live[row] = bytes.Clone(j.buf.Bytes())
		j.liveBytes += j.buf.Len()
	}
	state := State{Rows: l.mark.Rows, Hash: l.mark.Hash, Note: l.mark.Note, Bytes: l.mark.Bytes, Records: l.records}
	return j, state, j.rewrite() // without a torn last line
}

// loader reads a journal.
type loader struct {
	cfg     Config
	size    int64 // of the part
	mark    checkpoint
	records map[int64]Record
	written map[int64]bool // as completed: those before the last mark
}

func (l *loader) read(text []byte) error {
	lines := bufio.NewReader(bytes.NewReader(text))
	for first := true; ; first = false {
		text, err := lines.ReadBytes('\n')
		if err != nil { // the end, or a line that a crash has torn
			if first {
				return fmt.Errorf("%s has lost its journal, so it cannot be continued: give --overwrite to begin again", l.cfg.Path+Suffix)
			}
			return nil
		}
		var entry line
		if err := json.Unmarshal(text, &entry); err != nil {
			return nil //nolint:nilerr // what a crash of the system has left; all before it counts
		}
		switch {
		case first:
			if err := l.compare(entry.Subject); err != nil {
				return err
			}
		case entry.Kept != nil:
			l.records[entry.Kept.Row] = *entry.Kept
			l.written[entry.Kept.Row] = len(entry.Kept.Result) == 0
		case entry.Mark != nil && entry.Mark.Bytes <= l.size: // else the part has lost its end
			l.mark = *entry.Mark
			l.passed()
		}
	}
}

// passed notes that the records so far are in the part.
func (l *loader) passed() {
	if !l.cfg.AsCompleted {
		return
	}
	for row := range l.records {
		l.written[row] = true
	}
}

// compare refuses a run that would write otherwise than the one before.
func (l *loader) compare(begun map[string]string) error {
	names := slices.Sorted(maps.Keys(l.cfg.Subject))
	for _, name := range names {
		if was, now := begun[name], l.cfg.Subject[name]; was != now {
			return fmt.Errorf("%s was begun with %s %q, now it is %q: use the same command line, or give --overwrite to begin again",
				l.cfg.Path+Suffix, name, was, now)
		}
	}
	return nil
}
