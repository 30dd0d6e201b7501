package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"
)

const (
	temporaryPattern = "credenza-data-*"
	// ownerLock is locked for as long as the process lives whose folder it is in.
	ownerLock = "owner.lock"
	// abandonedAfter is the least age of a folder that is removed: a younger one may be
	// about to be locked.
	abandonedAfter = time.Minute
)

// temporaryDir makes a folder that Close removes, and removes those of processes that were
// killed. Each process locks its own.
func (a *App) temporaryDir() (string, error) {
	a.removeAbandoned()
	dir, err := os.MkdirTemp("", temporaryPattern)
	if err != nil {
		return "", fmt.Errorf("no temporary folder can be created: check that there is room in %s (%w)", os.TempDir(), err)
	}
	lock := flock.New(filepath.Join(dir, ownerLock))
	a.closers = append(a.closers, func() {
		// Unlocked first: Windows removes no file that is open.
		if err := errors.Join(lock.Unlock(), os.RemoveAll(dir)); err != nil {
			a.log.Warn("a temporary folder stays: remove it", zap.String("folder", dir), zap.Error(err))
		}
	})
	if _, err := lock.TryLock(); err != nil { // a folder that cannot be locked is removed by Close alone
		a.log.Debug("the temporary folder is not locked", zap.String("folder", dir), zap.Error(err))
	}
	return filepath.Join(dir, "data"), nil
}

// removeAbandoned removes the temporary folders of this user's processes that have ended
// without removing them.
func (a *App) removeAbandoned() {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), temporaryPattern))
	if err != nil {
		return // never: the pattern is a good one
	}
	for _, dir := range folders {
		if !isAbandoned(dir) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			a.log.Warn("the temporary folder of a process that was killed stays: remove it", zap.String("folder", dir), zap.Error(err))
			continue
		}
		a.log.Info("the temporary folder of a process that was killed is removed", zap.String("folder", dir))
	}
}

// isAbandoned reports whether no process has the folder. It is false for one that others may
// write to, and for one whose lock cannot be looked at.
func isAbandoned(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !ownedByUser(info) || time.Since(info.ModTime()) < abandonedAfter {
		return false
	}
	path := filepath.Join(dir, ownerLock)
	if _, err := os.Lstat(path); err != nil {
		return false
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDWR))
	held, err := lock.TryLock()
	return held && errors.Join(err, lock.Unlock()) == nil
}
