// Package upload keeps the files that callers upload until they are made into jobs.
//
// The problem: a file is uploaded once, looked at several times, and submitted later, maybe
// after a restart, and a disk that is full of forgotten files stops everything else.
//
//	body -> Store.Put -> ID.tmp -> ID.json, then ID.data -> Store.Open -> *os.File
//
// A file is written as it comes and never held in memory. It counts once ID.data is there,
// which is the last step: all else is removed at the next start. A file expires after a
// day. Bounds hold the number of files and their bytes for each caller and in all; the
// oldest file makes room, that of the caller first whose new one needs it.
//
// An upload is seen by its caller alone, also by no caller that operates the service.
//
// The trade-off: files stay on the replica that they were sent to, since a file of 256 MiB
// does not belong into a cluster's streams. Other replicas say so.
//
//	store, err := upload.Open(upload.Config{Dir: dir})
//	defer store.Close()
//	u, err := store.Put(ctx, owner, "chairs.csv", body)
//	file, err := store.Open(owner, u.ID) // the caller closes file
package upload
