package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Check finds out whether Open would succeed, without starting or keeping anything, and
// returns what it found in a few words. A folder that another process uses is in order: that
// may be the service which the settings are checked for. A cluster has to be there, although a
// service would wait for it.
func Check(ctx context.Context, config Config) (string, error) {
	if config.URL == "" {
		return checkFolder(config.Dir)
	}
	config.MayBeAway = false
	b, err := Open(ctx, config)
	if err != nil {
		return "", err
	}
	b.Close()
	return "NATS answers and has JetStream", nil
}

func checkFolder(dir string) (string, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkParent(dir)
	case err != nil:
		return "", fmt.Errorf("the data folder cannot be read: name another one in data-dir (%w)", err)
	case !info.IsDir():
		return "", fmt.Errorf("the data folder %s is a file: name a folder in data-dir", dir)
	}
	if inUse(dir) { // to fill its disk, even for a moment, may fail what the process writes
		return dir + ", which a process uses now", nil
	}
	if err := checkRoom(dir); err != nil {
		return "", fmt.Errorf("the data folder cannot be written, or has no room for %d MiB: make room, or name another one in data-dir (%w)", probeBytes>>20, err)
	}
	return dir, nil
}

// checkParent finds out whether a folder could be made, by the nearest one around it that is
// there.
func checkParent(dir string) (string, error) {
	parent := filepath.Dir(dir)
	for {
		_, err := os.Stat(parent)
		if !errors.Is(err, fs.ErrNotExist) || parent == filepath.Dir(parent) {
			break
		}
		parent = filepath.Dir(parent)
	}
	if err := checkRoom(parent); err != nil {
		return "", fmt.Errorf("the data folder cannot be created: name another one in data-dir (%w)", err)
	}
	return dir + ", which the start makes", nil
}

// checkRoom writes a file of probeBytes and removes it.
func checkRoom(dir string) (err error) {
	f, err := os.CreateTemp(dir, "check-*.tmp") // no sync is done for such names
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeBytes))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// inUse reports whether a process has locked the folder. It makes no lock of its own there.
func inUse(dir string) bool {
	path := filepath.Join(dir, lockName)
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock := flock.New(path)
	held, err := lock.TryLock()
	if held {
		_ = lock.Unlock() // it ends with the file's being closed anyway
	}
	return err == nil && !held
}
