package broker

// OnSync has sync called in place of the file system's for each file and folder. It
// is for before the first sync.
func (b *Broker) OnSync(sync func(path string) error) { b.server.disk.syncPath = sync }

// SyncPath is what it replaces.
var SyncPath = syncPath
