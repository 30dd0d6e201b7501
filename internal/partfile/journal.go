package partfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
)

// Record is the result of a row.
type Record struct {
	Row  int64  `json:"row"` // its place in the input, from 0
	Hash uint64 `json:"hash"`
	// Question is a hash of what was asked, 0 if the result is this row's alone.
	Question uint64 `json:"question,omitempty"`
	// Result is JSON on one line that the caller understands. It is empty in a record that
	// is in the part already.
	Result json.RawMessage `json:"result,omitempty"`
}

// size is about how many bytes the record takes.
func (r *Record) size() int { return len(r.Result) + 80 }

// State is what runs have done so far.
type State struct {
	checkpoint
	// Records are those of later rows than the checkpoint's, by their places.
	Records map[int64]Record
	// Answers are the latest results, by their questions.
	Answers map[uint64]Record
}

// checkpoint is what the part stands for.
type checkpoint struct {
	Rows  int64  `json:"rows"`  // so many from the first are in the part
	Hash  uint64 `json:"hash"`  // of these
	Bytes int64  `json:"bytes"` // of the part
	Note  string `json:"note,omitempty"`
}

// mark is a checkpoint, with the later rows that have come into the part since the mark
// before.
type mark struct {
	checkpoint
	Written []int64 `json:"written,omitempty"`
}

// line is a line of the journal: exactly one member is set.
type line struct {
	Subject map[string]string `json:"subject,omitempty"`
	Mark    *mark             `json:"mark,omitempty"`
	Kept    *Record           `json:"kept,omitempty"`
}

const (
	// compactAbove is the size from which a journal is rewritten once most of it is
	// of no use any more.
	compactAbove = 1 << 20
	compactShare = 2
	// answerBytes bounds the answers: some 20,000 usual ones.
	answerBytes = 16 << 20
)

// journal is the file next to the part.
type journal struct {
	path    string
	file    *os.File
	subject map[string]string
	at      checkpoint
	written []int64 // later rows that came into the part since the last mark in the file
	stored  checkpoint
	live    map[int64]Record // later rows than the checkpoint's
	answers map[uint64]Record
	latest  []uint64 // the questions of answers, the oldest first
	size    int      // of live and answers
	held    int      // of answers
	bytes   int      // of the file
	buf     []byte
}

func newJournal(path string, cfg Config) *journal {
	return &journal{path: path, subject: cfg.Subject, live: map[int64]Record{}, answers: map[uint64]Record{}}
}

// rewrite replaces the file by one with what counts alone.
func (j *journal) rewrite() error {
	made := j.path + ".new"
	file, err := os.OpenFile(made, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	n, err := j.writeAll(file)
	if err == nil {
		err = os.Rename(made, j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(made))
	}
	if j.file != nil {
		err = j.file.Close()
	}
	j.file, j.bytes, j.stored, j.written = file, n, j.at, nil
	return err
}

// writeAll writes what counts, a part at a time: it may be as much as all else in memory. It
// returns how many bytes it has written.
func (j *journal) writeAll(to io.Writer) (n int, err error) {
	const part = 64 << 10
	j.buf = j.buf[:0]
	err = j.add(line{Subject: j.subject}, line{Mark: &mark{checkpoint: j.at}})
	keep := func(r Record) {
		if err != nil {
			return
		}
		if j.buf = r.append(j.buf); len(j.buf) >= part {
			_, err = to.Write(j.buf)
			n, j.buf = n+len(j.buf), j.buf[:0]
		}
	}
	for _, question := range j.latest {
		keep(j.answers[question])
	}
	for _, row := range slices.Sorted(maps.Keys(j.live)) { // after the answers, which know nothing of the part
		keep(j.live[row])
	}
	if err == nil {
		_, err = to.Write(j.buf)
	}
	return n + len(j.buf), err
}

// add appends lines to buf.
func (j *journal) add(lines ...line) error {
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		j.buf = append(append(j.buf, text...), '\n')
	}
	return nil
}

// append appends the line of a record to b. encoding/json would check each result again.
func (r *Record) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"kept":{"row":`...), r.Row, 10)
	b = strconv.AppendUint(append(b, `,"hash":`...), r.Hash, 10)
	if r.Question != 0 {
		b = strconv.AppendUint(append(b, `,"question":`...), r.Question, 10)
	}
	if len(r.Result) > 0 {
		b = append(append(b, `,"result":`...), r.Result...)
	}
	return append(b, "}}\n"...)
}

// keep writes the mark, if it has moved, and records.
func (j *journal) keep(records []Record) error {
	j.buf = j.buf[:0]
	if j.moved() {
		if err := j.add(line{Mark: &mark{j.at, j.written}}); err != nil {
			return err
		}
	}
	for i := range records {
		j.buf = records[i].append(j.buf)
	}
	if _, err := j.file.Write(j.buf); err != nil {
		return errors.Join(err, j.file.Truncate(int64(j.bytes)))
	}
	for _, r := range records {
		j.put(r)
	}
	j.bytes, j.stored, j.written = j.bytes+len(j.buf), j.at, nil
	if j.bytes > compactAbove && j.bytes > compactShare*j.size {
		return j.rewrite()
	}
	return nil
}

func (j *journal) moved() bool { return j.at != j.stored || len(j.written) > 0 }

// put remembers a record, and its answer in place of the oldest.
func (j *journal) put(r Record) {
	j.forget(r.Row)
	j.live[r.Row] = r
	j.size += r.size()
	if _, known := j.answers[r.Question]; known || r.Question == 0 || len(r.Result) == 0 {
		return
	}
	j.answers[r.Question], j.latest = r, append(j.latest, r.Question)
	j.held, j.size = j.held+r.size(), j.size+r.size()
	for j.held > answerBytes {
		old := j.answers[j.latest[0]]
		delete(j.answers, old.Question)
		j.latest = j.latest[1:]
		j.held, j.size = j.held-old.size(), j.size-old.size()
	}
}

func (j *journal) forget(row int64) {
	if r, there := j.live[row]; there {
		j.size -= r.size()
		delete(j.live, row)
	}
}

// move sets the checkpoint, and drops what is in the part.
func (j *journal) move(to mark) {
	for row := j.at.Rows; row < to.Rows; row++ {
		j.forget(row)
	}
	for _, row := range to.Written {
		if r, there := j.live[row]; there {
			r.Result = nil
			j.put(r)
		}
	}
	j.at = to.checkpoint
	j.written = slices.DeleteFunc(append(j.written, to.Written...), func(row int64) bool { return row < to.Rows })
}

// empty reports whether there is nothing to continue.
func (j *journal) empty() bool { return j.at == checkpoint{} && len(j.live) == 0 }

// close stores the last mark.
func (j *journal) close() error {
	var err error
	if j.moved() {
		err = j.keep(nil)
	}
	return errors.Join(err, j.file.Sync(), j.file.Close())
}

func (j *journal) remove() error { return errors.Join(j.file.Close(), os.Remove(j.path)) }

// load reads the journal of a part of the given size.
func (j *journal) load(cfg Config, size int64) (State, error) {
	text, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return State{}, err
	}
	first, rest, whole := bytes.Cut(text, []byte("\n"))
	var begun line
	if !whole || json.Unmarshal(first, &begun) != nil {
		return State{}, fmt.Errorf("%s has lost its journal, so it cannot be continued: give --overwrite to begin again", cfg.Path+Suffix)
	}
	if err := compare(begun.Subject, cfg); err != nil {
		return State{}, err
	}
	j.replay(rest, size)
	state := State{checkpoint: j.at, Records: maps.Clone(j.live), Answers: maps.Clone(j.answers)}
	return state, j.rewrite() // without a torn last line
}

// replay does again what the lines say. A power cut may have torn the last one, or cut off
// the end of the part, which has the given size: a mark beyond it does not count.
func (j *journal) replay(lines []byte, size int64) {
	lost := false
	for text := range bytes.Lines(lines) {
		var entry line
		if json.Unmarshal(text, &entry) != nil {
			return
		}
		if entry.Mark != nil {
			if lost = entry.Mark.Bytes > size; !lost {
				j.move(*entry.Mark)
			}
		}
		if r := entry.Kept; r != nil && (len(r.Result) > 0 || !lost) {
			if j.put(*r); r.Row < j.at.Rows { // for its answer alone
				j.forget(r.Row)
			}
		}
	}
}

// compare refuses a run that would write otherwise than the one before, or may: a program of
// another version may have had a setting without noting it.
func compare(begun map[string]string, cfg Config) error {
	unnoted := ""
	for _, name := range slices.Sorted(maps.Keys(cfg.Subject)) {
		was, noted := begun[name]
		now := cfg.Subject[name]
		usual, known := cfg.Defaults[name]
		switch {
		case noted && was != now:
			return fmt.Errorf("%s was begun with %s %q, now it is %q: use the same command line, or give --overwrite to begin again",
				cfg.Path+Suffix, name, was, now)
		case !noted && (!known || usual != now):
			unnoted = cmp.Or(unnoted, name)
		}
	}
	if unnoted != "" {
		return fmt.Errorf("%s was begun by a program of another version, which did not note %s: continue with that version, or give --overwrite to begin again",
			cfg.Path+Suffix, unnoted)
	}
	return nil
}
