package upload

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The ends of the names of files. The data folder is synced without files that end in .tmp.
const (
	partEnd   = ".tmp"
	recordEnd = ".json"
	dataEnd   = ".data"
)

// pieceBytes is how much of a file is in memory.
const pieceBytes = 64 << 10

// maxNameBytes bounds a file's name.
const maxNameBytes = 200

// record is what is stored of a file besides its content.
type record struct {
	Name  string    `json:"name"`
	Owner string    `json:"owner"`
	Time  time.Time `json:"time"`
}

// Put stores a file of a caller as it comes. Nothing is left of a file that does not come to
// its end. Errors are faults, those of in, or the end of ctx.
func (s *Store) Put(ctx context.Context, who catalog.Owner, name string, in io.Reader) (catalog.Upload, error) {
	if err := s.enter(who.Name); err != nil {
		return catalog.Upload{}, err
	}
	defer s.leave(who.Name)
	u := catalog.Upload{ID: strings.ToLower(rand.Text()), Name: baseName(name), Owner: who.Name}
	var err error
	if u.Bytes, err = s.write(ctx, u.ID, in); err != nil {
		s.remove(s.path(u.ID, partEnd))
		return catalog.Upload{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Time = time.Now()
	if err := s.commit(&u); err != nil {
		s.remove(s.path(u.ID, partEnd))
		s.remove(s.path(u.ID, recordEnd))
		return catalog.Upload{}, explain(err)
	}
	s.expire()
	s.add(u)
	return u, nil
}

// enter admits an upload unless too many are in flight.
func (s *Store) enter(owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, n := range s.inFlight {
		all += n
	}
	if s.inFlight[owner] >= callerInFlight || all >= allInFlight {
		return fault.New(fault.ServerFull, "too many uploads are in flight: send this file again when another one has ended").After(5 * time.Second)
	}
	s.inFlight[owner]++
	return nil
}

func (s *Store) leave(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight[owner]--; s.inFlight[owner] == 0 {
		delete(s.inFlight, owner)
	}
}

// write writes the content and returns how many bytes it has.
func (s *Store) write(ctx context.Context, id string, in io.Reader) (size int64, err error) {
	file, err := os.OpenFile(s.path(id, partEnd), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, explain(err)
	}
	defer func() {
		if closed := file.Close(); err == nil && closed != nil {
			err = explain(closed)
		}
	}()
	piece := make([]byte, pieceBytes)
	for ctx.Err() == nil {
		n, failed := in.Read(piece)
		if size += int64(n); size > s.config.MaxBytes {
			return 0, s.tooLarge()
		}
		if _, err := file.Write(piece[:n]); err != nil {
			return 0, explain(err)
		}
		switch {
		case failed == nil:
		case !errors.Is(failed, io.EOF):
			return 0, failed
		case size == 0:
			return 0, fault.New(fault.InvalidRequest, "the file is empty: upload one with rows")
		default:
			return size, explain(file.Sync())
		}
	}
	return 0, context.Cause(ctx)
}

func (s *Store) tooLarge() error {
	return fault.New(fault.MessageTooLarge, "the file has more than %d bytes: divide it, or have the operator raise max-upload-bytes", s.config.MaxBytes)
}

// commit makes what was written a file. The last step decides.
func (s *Store) commit(u *catalog.Upload) error {
	text, err := json.Marshal(record{Name: u.Name, Owner: u.Owner, Time: u.Time})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path(u.ID, recordEnd), text, 0o600); err != nil {
		return err
	}
	return os.Rename(s.path(u.ID, partEnd), s.path(u.ID, dataEnd))
}

// explain turns an error of the disk into a fault.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.StorageFull, "the disk for uploads is full: try again later, and tell the operator if it stays")
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.StorageAway, "the folder of uploads is gone: tell the operator")
	default:
		return fmt.Errorf("store an uploaded file: %w", err)
	}
}

// baseName returns a name without folders and control characters.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(catalog.WithoutEscapes(strings.ToValidUTF8(name, "")), `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name))
	if name == "" || name == "." || name == "/" {
		return "file"
	}
	return catalog.Clip(name, maxNameBytes)
}

// load finds the files of earlier processes, and removes all else.
func (s *Store) load() error {
	entries, err := os.ReadDir(s.config.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		id, whole := strings.CutSuffix(entry.Name(), dataEnd)
		if !whole {
			continue
		}
		if u, ok := s.read(id); ok {
			s.files = append(s.files, u)
		}
	}
	known := map[string]bool{}
	for _, u := range s.files {
		known[u.ID+dataEnd], known[u.ID+recordEnd] = true, true
	}
	for _, entry := range entries {
		if !known[entry.Name()] && !entry.IsDir() {
			s.remove(s.path(entry.Name(), ""))
		}
	}
	slices.SortFunc(s.files, func(a, b catalog.Upload) int { return a.Time.Compare(b.Time) })
	s.expire()
	return nil
}

// read returns a stored file's description, and false if it cannot be used.
func (s *Store) read(id string) (catalog.Upload, bool) {
	info, err := os.Stat(s.path(id, dataEnd))
	if err != nil || !info.Mode().IsRegular() {
		return catalog.Upload{}, false
	}
	text, err := os.ReadFile(s.path(id, recordEnd))
	var r record
	if err != nil || json.Unmarshal(text, &r) != nil {
		return catalog.Upload{}, false
	}
	return catalog.Upload{ID: id, Name: r.Name, Owner: r.Owner, Bytes: info.Size(), Time: r.Time}, true
}
