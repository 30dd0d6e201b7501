//go:build unix

package app

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUser reports whether a folder belongs to this user, who alone may change it.
func ownedByUser(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}
