package catalog

import "time"

// Upload is a file that a caller has uploaded.
type Upload struct {
	ID string
	// Name is the file's, without folders.
	Name string
	// Owner is the caller's name; empty without authentication.
	Owner string
	Bytes int64
	Time  time.Time
}
