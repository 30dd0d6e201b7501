package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// disk is the data folder of the embedded server. It syncs the files, and notices when
// the folder is removed or replaced.
//
// The server writes each message to its file before it acknowledges it (streams
// with one replica are flushed in place), so a sync of the files covers all that
// was acknowledged.
type disk struct {
	dir     string
	log     *zap.Logger
	changed func(error) // see Config.Changed

	syncPath func(path string) error
	synced   map[string]stamp // each file's stamp at its last sync; only the round uses it

	mu     sync.Mutex
	known  map[string]fs.FileInfo // the files by which the folder is recognised
	failed error                  // of a failed sync, after which no later one is believed
	lost   error                  // why nothing can be stored, or nil
}

// stamp differs if a file has changed. Message files only grow, so a coarse clock does
// not matter.
type stamp struct {
	modified time.Time
	size     int64
}

const (
	lockName  = "lock"
	storeName = "jetstream"
	// watching is the interval of checks that the folder still exists.
	watching = time.Second
	// syncers is how many files are synced at once, so that they share a commit of the
	// file system's journal.
	syncers = 8
)

func newDisk(config Config) *disk {
	d := &disk{dir: config.Dir, log: config.Log, changed: config.Changed, syncPath: syncPath, known: map[string]fs.FileInfo{}}
	if d.changed == nil {
		d.changed = func(error) {}
	}
	return d
}

// sync returns nil when all that was written before the call is on disk.
func (d *disk) sync() error {
	if err := d.check(); err != nil {
		return err
	}
	err := d.syncChanged()
	if lost, ok := errors.AsType[*syncFailed](err); ok {
		d.mu.Lock()
		d.failed = lost
		d.mu.Unlock()
	}
	if gone := d.check(); gone != nil { // a folder that was removed meanwhile has kept nothing
		return gone
	}
	return err
}

// syncFailed is an error of a sync itself. What was written before may be lost then, and
// no later sync can tell; any other error only means that this one was not done.
type syncFailed struct{ error }

// Unwrap returns the system's error.
func (f *syncFailed) Unwrap() error { return f.error }

// notOpened is why a file could not be opened to be synced.
type notOpened struct{ error }

// Unwrap returns the system's error.
func (n *notOpened) Unwrap() error { return n.error }

// syncChanged syncs the files that have changed since their last sync, then the
// folders that name them.
func (d *disk) syncChanged() error {
	now := map[string]stamp{}
	var files, folders []string
	err := filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		if isRebuilt(entry) {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		now[path] = stamp{info.ModTime(), info.Size()}
		switch before, known := d.synced[path]; {
		case known && before == now[path]:
		case entry.IsDir():
			folders = append(folders, path)
		default:
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.syncAll(files); err != nil {
		return err
	}
	if err := d.syncAll(folders); err != nil {
		return err
	}
	d.synced = now
	return nil
}

// isRebuilt reports whether a file is not needed after a crash: the server rebuilds its
// indexes, jobs create their consumers again, and a temporary file has no use before it
// is renamed.
func isRebuilt(entry fs.DirEntry) bool {
	if entry.IsDir() {
		return entry.Name() == "obs"
	}
	return entry.Name() == "index.db" || entry.Name() == probeName || strings.HasSuffix(entry.Name(), ".tmp")
}

func (d *disk) syncAll(paths []string) error {
	var syncing errgroup.Group
	syncing.SetLimit(syncers)
	for _, path := range paths {
		syncing.Go(func() error {
			err := d.syncPath(path)
			if _, skipped := errors.AsType[*notOpened](err); err == nil || skipped {
				return err
			}
			return &syncFailed{err}
		})
	}
	return syncing.Wait()
}

// syncPath syncs a file or a folder. It ignores one that the server has removed.
func syncPath(path string) (err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return cannotOpen(err)
	}
	mode := os.O_RDWR // which Windows asks for
	if info.IsDir() {
		if runtime.GOOS == "windows" { // it writes folders at once
			return nil
		}
		mode = os.O_RDONLY
	}
	f, err := os.OpenFile(path, mode, 0) //nolint:gosec // a path below the data folder
	if err != nil {
		return cannotOpen(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

// cannotOpen is an error that says nothing of what was written before, or none for a
// file that is gone.
func cannotOpen(err error) error {
	if ignoreGone(err) == nil {
		return nil
	}
	return &notOpened{err}
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// watch checks the folder until ctx ends.
func (d *disk) watch(ctx context.Context) {
	for range catalog.Every(ctx, watching) {
		_ = d.check() // which logs it
	}
}

// lostErr returns why nothing can be stored, as of the last check.
func (d *disk) lostErr() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// check returns why nothing can be stored, or nil, and reports a change.
func (d *disk) check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.lost
	d.lost = d.inspect()
	switch {
	case d.lost != nil && before == nil:
		d.log.Error("nothing can be stored: jobs are refused, and the cache is not kept", zap.String("folder", d.dir), zap.Error(d.lost))
		d.changed(d.lost)
	case d.lost == nil && before != nil:
		d.log.Info("the data folder is in use again", zap.String("folder", d.dir))
		d.changed(nil)
	}
	return d.lost
}

// inspect compares the folder with its known files. The caller holds mu.
func (d *disk) inspect() error {
	if d.failed != nil {
		return fault.Wrap(d.failed, fault.StorageAway,
			"the disk of the service has failed to keep what was written: its operator has to check it and restart the service")
	}
	store := filepath.Join(d.dir, storeName)
	for _, path := range []string{d.dir, filepath.Join(d.dir, lockName), store, filepath.Join(store, "$G", "streams")} {
		info, err := os.Stat(path)
		known, seen := d.known[path]
		switch {
		case err == nil && !seen:
			d.known[path] = info
		case err == nil && !os.SameFile(known, info):
			return gone(fmt.Errorf("%s has been replaced", path))
		case err != nil && seen:
			return gone(err)
		}
	}
	return nil
}

func gone(cause error) error {
	return fault.Wrap(cause, fault.StorageAway,
		"the data folder of the service was removed or replaced: its operator has to bring it back, or restart the service")
}
