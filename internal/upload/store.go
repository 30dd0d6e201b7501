package upload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The bounds if the configuration gives none.
const (
	DefaultMaxBytes = 256 << 20
	DefaultKeep     = 24 * time.Hour
	// Files of one caller and of all callers. Their bytes are at most as many of the largest
	// files as there are parts.
	callerFiles, allFiles = 50, 1000
	callerParts, allParts = 4, 16
	// Uploads in flight, of one caller and of all callers.
	callerInFlight, allInFlight = 4, 16
)

// tidyEvery is the interval at which expired files are removed.
const tidyEvery = 10 * time.Minute

// Config is the store's place and bounds.
type Config struct {
	// Dir is the folder, for this store alone. It is made if it is not there.
	Dir string
	// MaxBytes is the most that a file may have. 0: DefaultMaxBytes.
	MaxBytes int64
	// Keep is how long a file is kept. 0: DefaultKeep.
	Keep time.Duration
	// Log gets what could not be removed. Nil: it is not logged.
	Log *zap.Logger
}

// Store keeps uploaded files. Its methods are safe for concurrent use.
type Store struct {
	config Config

	mu       sync.Mutex
	files    []catalog.Upload // the oldest first
	inFlight map[string]int   // by owner
	stop     context.CancelFunc
	tidying  sync.WaitGroup
}

// Open opens the store and the files of earlier processes, removes what is half done, and
// begins to remove what expires. The caller calls Close.
func Open(config Config) (*Store, error) {
	config.MaxBytes = cmp.Or(config.MaxBytes, DefaultMaxBytes)
	config.Keep = cmp.Or(config.Keep, DefaultKeep)
	config.Log = cmp.Or(config.Log, zap.NewNop())
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of uploads cannot be created: %w", err)
	}
	s := &Store{config: config, inFlight: map[string]int{}}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("the folder of uploads cannot be read: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.tidying.Go(func() { s.tidy(ctx) })
	return s, nil
}

// Close ends the removing of files. Files stay.
func (s *Store) Close() {
	s.stop()
	s.tidying.Wait()
}

// MaxBytes returns the most that a file may have.
func (s *Store) MaxBytes() int64 { return s.config.MaxBytes }

// Open returns a caller's file with its description. The caller closes it.
func (s *Store) Open(who catalog.Owner, id string) (catalog.Upload, *os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	at := slices.IndexFunc(s.files, func(u catalog.Upload) bool { return u.ID == id && u.Owner == who.Name })
	if at < 0 {
		return catalog.Upload{}, nil, notFound()
	}
	file, err := os.Open(s.path(id, dataEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return catalog.Upload{}, nil, notFound()
	}
	if err != nil {
		return catalog.Upload{}, nil, fmt.Errorf("open an uploaded file: %w", err)
	}
	return s.files[at], file, nil
}

func notFound() error {
	return fault.New(fault.NotFound,
		"there is no such upload of this caller here: it has expired after a day or made room for later ones, or another replica has it; "+
			"upload the file again, and send its calls to the same replica")
}

// tidy removes expired files until ctx ends.
func (s *Store) tidy(ctx context.Context) {
	for range catalog.Every(ctx, tidyEvery) {
		s.mu.Lock()
		s.expire()
		s.mu.Unlock()
	}
}

// expire removes what has expired.
func (s *Store) expire() {
	for len(s.files) > 0 && time.Since(s.files[0].Time) >= s.config.Keep {
		s.drop(0)
	}
}

// add keeps a file, for which older ones make room.
func (s *Store) add(u catalog.Upload) {
	s.files = append(s.files, u)
	own := func(other catalog.Upload) bool { return other.Owner == u.Owner }
	for s.beyond(own, callerFiles, callerParts) {
		s.drop(slices.IndexFunc(s.files, own))
	}
	every := func(catalog.Upload) bool { return true }
	for s.beyond(every, allFiles, allParts) {
		most := s.largestOwner()
		s.drop(slices.IndexFunc(s.files, func(other catalog.Upload) bool { return other.Owner == most }))
	}
}

// beyond reports whether the files that are meant are too many or have too many bytes.
func (s *Store) beyond(meant func(catalog.Upload) bool, files int, parts int64) bool {
	count, bytes := 0, int64(0)
	for _, u := range s.files {
		if meant(u) {
			count++
			bytes += u.Bytes
		}
	}
	return count > files || bytes > parts*s.config.MaxBytes
}

// largestOwner returns the caller whose files have the most bytes.
func (s *Store) largestOwner() string {
	bytes := map[string]int64{}
	most := s.files[0].Owner
	for _, u := range s.files {
		if bytes[u.Owner] += u.Bytes; bytes[u.Owner] > bytes[most] {
			most = u.Owner
		}
	}
	return most
}

// drop removes a file. An open one can be read to its end.
func (s *Store) drop(at int) {
	u := s.files[at]
	s.files = slices.Delete(s.files, at, at+1)
	s.remove(s.path(u.ID, dataEnd))
	s.remove(s.path(u.ID, recordEnd))
}

func (s *Store) remove(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.config.Log.Warn("an uploaded file cannot be removed", zap.String("file", path), zap.Error(err))
	}
}

func (s *Store) path(id, end string) string { return filepath.Join(s.config.Dir, id+end) }
