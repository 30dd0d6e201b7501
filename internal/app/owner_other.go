//go:build !unix

package app

import "io/fs"

// ownedByUser reports true: temporary folders are each user's own.
func ownedByUser(fs.FileInfo) bool { return true }
