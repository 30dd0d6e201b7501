// Package broker provides the process's JetStream, which stores data on disk and shares
// it between replicas.
//
// The problem: jobs and cached answers must outlive the process, and several
// replicas must share them, while a single process on a laptop should need no
// other server. NATS JetStream is both: a library within the process that stores in a
// folder, and a cluster behind an address. The users of a Broker do not see which.
//
//	b, err := broker.Open(ctx, broker.Config{Dir: "/var/lib/credenza"})
//	if err != nil { ... }
//	defer b.Close()
//	stream, err := b.JetStream().CreateOrUpdateStream(ctx, jetstream.StreamConfig{
//		Name: "THINGS", Subjects: []string{"things.>"}, Replicas: b.Replicas()})
//
// The trade-off: the embedded server does not wait for the disk to confirm each
// message. A process that is killed loses nothing, since the operating system
// has every byte; a machine that loses power may lose messages that were not synced.
// Callers that must not lose them call Sync, and share syncs.
//
// Damaged messages are removed before the server opens the folder. While it runs, a
// data folder that is removed or replaced is noticed (Lost).
package broker
