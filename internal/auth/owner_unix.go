//go:build unix

package auth

import (
	"os"
	"syscall"
)

// keepOwner gives a file the owner and the mode of the one that it is to replace, so that
// the service can read what another user, such as root, has edited.
func keepOwner(file *os.File, replaced string) error {
	info, err := os.Stat(replaced)
	if err != nil {
		return nil //nolint:nilerr // there is no file yet
	}
	if err := file.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Getuid() && int(owner.Gid) == os.Getgid() {
		return nil
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}
