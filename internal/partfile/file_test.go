package partfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scenario is one file and what runs do to it.
type scenario struct {
	t   *testing.T
	cfg Config
}

func newScenario(t *testing.T) *scenario {
	return &scenario{t, Config{Path: filepath.Join(t.TempDir(), "out.csv"), Subject: map[string]string{"--output": "csv"}}}
}

func (s *scenario) open(start Start) *File {
	s.t.Helper()
	s.cfg.Start = start
	f, err := Open(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *scenario) refused(start Start, want string) {
	s.t.Helper()
	s.cfg.Start = start
	f, err := Open(s.cfg)
	if err == nil {
		_ = f.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		s.t.Errorf("got %v, want %q", err, want)
	}
}

func (s *scenario) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scenario) keep(f *File, rows ...int64) {
	s.t.Helper()
	for _, row := range rows {
		s.do(f.Keep([]Record{{Row: row, Hash: uint64(row) * 7, Result: json.RawMessage(fmt.Sprintf("%q", fmt.Sprint("r", row)))}}))
	}
}

func (s *scenario) write(f *File, text string) {
	s.t.Helper()
	_, err := io.WriteString(f, text)
	s.do(err)
}

// crash leaves the files as a program does that is killed.
func crash(f *File) {
	_ = f.part.Close()
	_ = f.journal.file.Close()
	_ = f.lock.Close()
}

func (s *scenario) content(path string) string {
	s.t.Helper()
	data, err := os.ReadFile(path)
	s.do(err)
	return string(data)
}

func TestFile_GetsItsNameAtTheEnd(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 0)
	s.write(f, "a\nr0\n")
	if _, err := os.Stat(s.cfg.Path); err == nil {
		t.Error("the file is there before its end")
	}
	f.Mark(1, 1, "")
	s.do(f.Finish(nil))
	if got := s.content(s.cfg.Path); got != "a\nr0\n" {
		t.Errorf("got %q", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(s.cfg.Path)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestFile_ContinuesAfterACrash(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 0, 2)
	s.write(f, "a\nr0\n")
	f.Mark(1, 11, "note")
	s.keep(f, 3)
	s.write(f, "half a r") // after the last mark
	crash(f)
	s.refused(Begin, "is half done")
	f = s.open(Resume)
	got := f.Earlier()
	if got.Rows != 1 || got.Hash != 11 || got.Note != "note" || got.Bytes != 5 || len(got.Records) != 2 {
		t.Errorf("got %+v", got)
	}
	if r := got.Records[3]; r.Hash != 21 || string(r.Result) != `"r3"` {
		t.Errorf("got %+v", r)
	}
	s.write(f, "r1\n")
	f.Mark(2, 22, "")
	s.do(f.Finish(nil))
	if got := s.content(s.cfg.Path); got != "a\nr0\nr1\n" {
		t.Errorf("got %q", got)
	}
}

func TestFile_IgnoresATornLineOfTheJournal(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 0, 1)
	_, err := f.journal.file.WriteString(`{"kept":{"row":2,"ha`)
	s.do(err)
	crash(f)
	f = s.open(Resume)
	if got := f.Earlier(); len(got.Records) != 2 {
		t.Errorf("got %+v", got)
	}
	s.keep(f, 2)
	crash(f)
	f = s.open(Resume)
	if got := f.Earlier(); len(got.Records) != 3 {
		t.Errorf("after the torn line was mended: got %+v", got)
	}
	s.do(f.Close())
}

func TestFile_AsCompletedKnowsWhatIsWritten(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 5, 3)
	s.write(f, "r5\nr3\n")
	f.Mark(0, 0, "", 5, 3)
	s.keep(f, 0, 4)
	crash(f)
	f = s.open(Resume)
	got := f.Earlier().Records
	if len(got) != 4 || len(got[5].Result)+len(got[3].Result) != 0 || string(got[0].Result) != `"r0"` || string(got[4].Result) != `"r4"` {
		t.Errorf("got %+v", got)
	}
	s.do(f.Close())
}

func TestFile_StartsAsAsked(t *testing.T) {
	s := newScenario(t)
	f := s.open(Resume) // there is nothing yet
	s.keep(f, 0)
	s.refused(Begin, "is being written by another program")
	s.refused(Resume, "is being written by another program")
	s.refused(Overwrite, "is being written by another program")
	s.do(f.Close())
	s.cfg.Subject = map[string]string{"--output": "xlsx"}
	s.refused(Resume, `was begun with --output "csv", now it is "xlsx"`)
	f = s.open(Overwrite)
	if got := f.Earlier(); len(got.Records) != 0 {
		t.Errorf("got %+v", got)
	}
	s.write(f, "x")
	f.Mark(1, 1, "")
	s.do(f.Finish(nil))
	s.refused(Resume, "is finished")
	s.do(s.open(Begin).Close())
	if got := s.content(s.cfg.Path); got != "x" {
		t.Errorf("a run without a row has changed the file: %q", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(s.cfg.Path)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

// TestFile_IsOverwrittenOnceThereIsMore has runs that overwrite a half-done file and end before
// they have anything to put in its place, and then runs that have.
func TestFile_IsOverwrittenOnceThereIsMore(t *testing.T) {
	for name, begin := range map[string]func(s *scenario, f *File){
		"a record": func(s *scenario, f *File) { s.keep(f, 3) },
		"a row":    func(s *scenario, f *File) { s.write(f, "new"); f.Mark(4, 4, "") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScenario(t)
			f := s.open(Begin)
			s.keep(f, 0, 1)
			s.write(f, "old row")
			f.Mark(1, 1, "")
			s.do(f.Close())

			s.cfg.More = func(map[string]string) error { return errors.New("unknown") }
			s.refused(Overwrite, "unknown")
			s.cfg.More = nil
			f = s.open(Overwrite)
			s.refused(Resume, "is being written by another program")
			s.do(f.Close())
			crash(s.open(Overwrite))
			f = s.open(Resume)
			if got := f.Earlier(); got.Rows != 1 || len(got.Records) != 1 || s.content(s.cfg.Path+Suffix) != "old row" {
				t.Fatalf("got %+v", got)
			}
			s.do(f.Close())

			f = s.open(Overwrite)
			begin(s, f)
			s.do(f.Close())
			f = s.open(Resume)
			got := f.Earlier()
			if _, earlier := got.Records[1]; earlier || got.Rows == 1 || strings.Contains(s.content(s.cfg.Path+Suffix), "old") {
				t.Errorf("got %+v", got)
			}
			s.do(f.Close())
		})
	}
}

func TestFile_IsOverwrittenByOneWithoutRows(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 0)
	s.write(f, "old row")
	f.Mark(1, 1, "")
	s.do(f.Close())
	s.do(s.open(Overwrite).Finish(nil))
	if got := s.content(s.cfg.Path); got != "" {
		t.Errorf("got %q", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(s.cfg.Path)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestFile_RefusesAPartWithoutAJournal(t *testing.T) {
	s := newScenario(t)
	s.do(os.WriteFile(s.cfg.Path+Suffix, []byte("x"), 0o600))
	s.refused(Resume, "has lost its journal")
	s.refused(Begin, "is half done")
}

func TestFile_JournalStaysSmall(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	text := strings.Repeat("x", 1000)
	const rows = 20_000
	for row := range int64(rows) {
		s.do(f.Keep([]Record{{Row: row + 1, Result: json.RawMessage(`"` + text + `"`)}})) // row 0 comes last
		if row >= 100 {
			f.Mark(row-100, 1, "")
		}
	}
	info, err := os.Stat(s.cfg.Path + journalSuffix)
	if err != nil || info.Size() > 2*compactAbove {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	s.do(f.Close())
	f = s.open(Resume)
	if got := f.Earlier(); got.Rows != rows-101 || len(got.Records) != 102 {
		t.Errorf("got %d rows and %d records", got.Rows, len(got.Records))
	}
	s.do(f.Close())
}

// TestFile_KnowsTheLatestAnswers has answers of rows that are in the part already.
func TestFile_KnowsTheLatestAnswers(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	text := strings.Repeat("x", 16_000)
	const rows = 3_000
	for row := range int64(rows) {
		s.do(f.Keep([]Record{{Row: row, Question: uint64(row/2) + 1, Result: json.RawMessage(fmt.Sprintf(`"%d %s"`, row, text))}}))
		f.Mark(row, 1, "")
	}
	for range 2 {
		crash(f)
		f = s.open(Resume)
		got := f.Earlier()
		if r := got.Answers[rows/2]; !strings.HasPrefix(string(r.Result), fmt.Sprintf(`"%d `, rows-2)) {
			t.Errorf("the last question has %.20s", r.Result)
		}
		if n := len(got.Answers); n < answerBytes/17_000 || n > answerBytes/16_000 {
			t.Errorf("%d answers", n)
		}
		if len(got.Records) > 3 {
			t.Errorf("%d records wait", len(got.Records))
		}
	}
	if info, err := os.Stat(s.cfg.Path + journalSuffix); err != nil || info.Size() > 3*answerBytes {
		t.Errorf("the journal has %d bytes, %v", info.Size(), err)
	}
	s.do(f.Close())
}

// TestFile_AsCompleted_WritesAgainWhatThePartHasLost is of a power cut: the disk has the
// journal as it was rewritten last, but not the part.
func TestFile_AsCompleted_WritesAgainWhatThePartHasLost(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 5)
	s.write(f, "r5\n")
	f.Mark(0, 0, "", 5)
	s.do(f.journal.rewrite())
	crash(f)
	s.do(os.Truncate(s.cfg.Path+Suffix, 0))
	f = s.open(Resume)
	if r, there := f.Earlier().Records[5]; there {
		t.Errorf("got %+v", r)
	}
	s.do(f.Close())
}

func TestFile_KeepsTheLinkAndThePermissions(t *testing.T) {
	s := newScenario(t)
	target := filepath.Join(t.TempDir(), "target.csv")
	s.do(os.WriteFile(target, []byte("old"), 0o640))
	s.do(os.Symlink(target, s.cfg.Path))
	f := s.open(Begin)
	s.write(f, "new")
	f.Mark(1, 1, "")
	s.do(f.Finish(nil))
	info, err := os.Lstat(s.cfg.Path)
	if err != nil || info.Mode()&os.ModeSymlink == 0 || s.content(target) != "new" {
		t.Errorf("the link is gone, or its target is %q (%v)", s.content(target), err)
	}
	if info, err = os.Stat(target); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func TestFile_ConvertsAtTheEnd(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 0)
	s.write(f, "part")
	f.Mark(1, 1, "")
	failed := errors.New("no room")
	if err := f.Finish(func(io.ReadSeeker, io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	f = s.open(Resume)
	s.do(f.Finish(func(part io.ReadSeeker, to io.Writer) error {
		data, err := io.ReadAll(part)
		_, wrote := io.WriteString(to, strings.ToUpper(string(data)))
		return errors.Join(err, wrote)
	}))
	if got := s.content(s.cfg.Path); got != "PART" {
		t.Errorf("got %q", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(s.cfg.Path)); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

// TestFile_AsCompleted_KeepsWhatWaitsAcrossTwoCrashes has a record that the first run has
// kept and not written, and that the second run has not come to before it ends too.
func TestFile_AsCompleted_KeepsWhatWaitsAcrossTwoCrashes(t *testing.T) {
	s := newScenario(t)
	f := s.open(Begin)
	s.keep(f, 5)
	crash(f)
	f = s.open(Resume)
	s.keep(f, 0)
	s.write(f, "r0\n")
	f.Mark(1, 1, "")
	s.keep(f, 1) // stores the mark
	crash(f)
	f = s.open(Resume)
	if got := f.Earlier(); got.Rows != 1 || string(got.Records[5].Result) != `"r5"` || string(got.Records[1].Result) != `"r1"` {
		t.Errorf("got %+v", got)
	}
	s.write(f, "r1\n")
	f.Mark(6, 6, "")
	s.keep(f, 7)
	crash(f)
	f = s.open(Resume)
	if got := f.Earlier(); len(got.Records) != 1 || string(got.Records[7].Result) != `"r7"` {
		t.Errorf("got %+v", got)
	}
	s.do(f.Close())
}
