package partfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Start is how a run treats a half-done file.
type Start uint8

// The choices. Begin refuses a half-done file, Resume continues it, or begins if there is
// neither it nor a finished one, Overwrite begins again: what an earlier run has done stays
// until there is something in its place.
const (
	Begin Start = iota
	Resume
	Overwrite
)

// ErrHalfDone is returned by Open with Begin if there is a half-done file.
var ErrHalfDone = errors.New("is half done")

// ErrFinished is returned by Open with Resume if there is a finished file only.
var ErrFinished = errors.New("is finished")

// Config describes a file and how it is written.
type Config struct {
	// Path is that of the finished file.
	Path  string
	Start Start
	// Subject has what must be equal in all runs, such as settings, by their names.
	Subject map[string]string
	// More, if set, adds to Subject what takes time to find out. Open calls it once the file
	// is open, so that a file that cannot be written is noticed before.
	More func(subject map[string]string) error
	// Defaults has usual values of the subject. A half-done file of a version that did not
	// note them is continued with these only.
	Defaults map[string]string
}

// File is a half-done file. It is not safe for concurrent use.
type File struct {
	cfg     Config
	target  string // Path with its links followed
	part    *os.File
	lock    *flock.Flock
	journal *journal
	bytes   int64 // of the part
	earlier State
	stale   bool // the part and the journal on disk are those of a run that is to be overwritten
}

// Suffix is that of a half-done file's name.
const Suffix = ".part"

const journalSuffix = Suffix + ".journal"

// Open opens or creates the half-done file of cfg.Path. The caller calls Finish or
// Close.
func Open(cfg Config) (*File, error) {
	target, err := followLinks(cfg.Path)
	if err != nil {
		return nil, err
	}
	f := &File{cfg: cfg, target: target}
	found, err := f.prepare()
	if err != nil {
		return nil, err
	}
	if err := f.open(found); err != nil {
		return nil, errors.Join(err, f.release())
	}
	return f, nil
}

// followLinks returns the path that path leads to, whether a file is there or not.
func followLinks(path string) (string, error) {
	for range 40 {
		if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
			return path, nil //nolint:nilerr // a file that is not there is made
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return path, nil // one that leads in a circle cannot be opened
}

// prepare reports whether there is a half-done file, which may be continued or overwritten. If
// there is none, it removes what a crash between two steps has left.
func (f *File) prepare() (found bool, err error) {
	found = exists(f.target + Suffix)
	switch {
	case found && f.cfg.Start == Begin:
		err := errors.Join(f.take(), f.release())
		if err != nil { // another program's
			return false, err
		}
		return false, fmt.Errorf("%s %w", f.cfg.Path+Suffix, ErrHalfDone)
	case found:
		return true, nil
	case f.cfg.Start == Resume && exists(f.target):
		return false, fmt.Errorf("%s %w", f.cfg.Path, ErrFinished)
	}
	if err = os.Remove(f.target + journalSuffix); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return false, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// take locks the part against other programs.
func (f *File) take() error {
	f.lock = flock.New(f.target+Suffix, flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(f.mode()))
	locked, err := f.lock.TryLock()
	if err == nil && !locked {
		err = fmt.Errorf("%s is being written by another program: wait for it, or end it", f.cfg.Path+Suffix)
	}
	return err
}

// mode returns the permissions of the file that will be replaced, or usual ones.
func (f *File) mode() fs.FileMode {
	if info, err := os.Stat(f.target); err == nil {
		return info.Mode().Perm()
	}
	return 0o666
}

func (f *File) open(found bool) (err error) {
	if err := f.take(); err != nil {
		return err
	}
	if f.part, err = os.OpenFile(f.target+Suffix, os.O_RDWR, 0); err != nil {
		return err
	}
	info, err := f.part.Stat()
	if err != nil {
		return err
	}
	if f.cfg.More != nil {
		if err := f.cfg.More(f.cfg.Subject); err != nil {
			return errors.Join(err, f.abandon(found))
		}
	}
	journal := newJournal(f.target+journalSuffix, f.cfg)
	if found && f.cfg.Start == Overwrite {
		f.journal, f.stale = journal, true
		return nil
	}
	if found {
		f.earlier, err = journal.load(f.cfg, info.Size())
	} else {
		err = journal.rewrite()
	}
	if err != nil {
		return err
	}
	f.journal, f.bytes = journal, journal.at.Bytes
	return f.cut()
}

// replace puts an empty part and a new journal in the place of those of a run that is to be
// overwritten. The journal comes first: it says how much of the part counts.
func (f *File) replace() error {
	if !f.stale {
		return nil
	}
	if err := f.journal.rewrite(); err != nil {
		return err
	}
	f.stale = false
	return f.cut()
}

// abandon closes the part, and removes it unless it is an earlier run's.
func (f *File) abandon(found bool) error {
	err := f.part.Close()
	f.part = nil
	if !found {
		err = errors.Join(err, os.Remove(f.target+Suffix))
	}
	return err
}

// Earlier returns what earlier runs have done.
func (f *File) Earlier() State { return f.earlier }

// Empty reports whether there is nothing that a later run could continue.
func (f *File) Empty() bool { return f.journal == nil || f.journal.empty() }

// Keep stores records in the journal.
func (f *File) Keep(records []Record) error {
	if err := f.replace(); err != nil {
		return err
	}
	return f.journal.keep(records)
}

// Write appends to the part. If it fails, the part ends where it ended at the last Mark.
func (f *File) Write(p []byte) (int, error) {
	if err := f.replace(); err != nil {
		return 0, err
	}
	n, err := f.part.Write(p)
	f.bytes += int64(n)
	if err != nil {
		f.bytes = f.journal.at.Bytes
		err = errors.Join(err, f.cut())
	}
	return n, err
}

// cut removes what is in the part beyond its size that counts.
func (f *File) cut() error {
	if err := f.part.Truncate(f.bytes); err != nil {
		return err
	}
	_, err := f.part.Seek(f.bytes, io.SeekStart)
	return err
}

// Mark says that all that was written stands for the rows before the given one, which
// have the hash, and for the later rows that are named here or were earlier. The note is
// for later runs. All this is stored with the next records.
func (f *File) Mark(rows int64, hash uint64, note string, later ...int64) {
	f.journal.move(mark{checkpoint{rows, hash, f.bytes, note}, later})
}

// Finish gives the part its name, and removes the journal. A function that is not nil
// makes the finished file of the part instead: it writes to a file next to it.
func (f *File) Finish(convert func(part io.ReadSeeker, to io.Writer) error) (err error) {
	if err = f.replace(); err != nil {
		return errors.Join(err, f.Close())
	}
	if convert != nil {
		err = f.convert(convert)
	} else if err = f.part.Sync(); err == nil {
		err = os.Rename(f.target+Suffix, f.target)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	err = errors.Join(f.part.Close(), f.journal.remove())
	f.part, f.journal = nil, nil
	return errors.Join(err, f.release())
}

func (f *File) convert(convert func(part io.ReadSeeker, to io.Writer) error) (err error) {
	made, err := os.OpenFile(f.target+Suffix+".made", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, f.mode())
	if err != nil {
		return err
	}
	err = convert(io.NewSectionReader(f.part, 0, f.bytes), made)
	if err == nil {
		err = made.Sync()
	}
	if err = errors.Join(err, made.Close()); err != nil {
		return errors.Join(err, os.Remove(made.Name()))
	}
	if err := os.Rename(made.Name(), f.target); err != nil {
		return err
	}
	return os.Remove(f.target + Suffix)
}

// Close leaves the half-done file for a later run. It removes a file without any row. An earlier
// run's that was to be overwritten stays if there is nothing in its place yet.
func (f *File) Close() error {
	if f.part == nil {
		return nil
	}
	if f.stale {
		f.journal = nil // it has no file yet
		return f.release()
	}
	var err error
	if f.journal.empty() {
		err = errors.Join(f.part.Close(), os.Remove(f.target+Suffix), f.journal.remove())
	} else {
		err = errors.Join(f.part.Sync(), f.part.Close(), f.journal.close())
	}
	f.part, f.journal = nil, nil
	return errors.Join(err, f.release())
}

// release gives up the lock and what is open.
func (f *File) release() error {
	var err error
	if f.part != nil {
		err = f.part.Close()
		f.part = nil
	}
	if f.journal != nil {
		err = errors.Join(err, f.journal.close())
		f.journal = nil
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}
