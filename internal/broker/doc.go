// Package broker gives the process its JetStream: what is stored on disk and
// shared between replicas goes through it.
//
// The problem: jobs and cached answers must outlive the process, and several
// replicas must share them, while a single process on a laptop should need no
// server beside it. NATS JetStream is both: a library within the process that
// stores in a folder, and a cluster behind an address. Whoever uses a Broker does
// not see which.
//
//	b, err := broker.Open(ctx, broker.Config{Dir: "/var/lib/credenza"})
//	if err != nil { ... }
//	defer b.Close()
//	stream, err := b.JetStream().CreateOrUpdateStream(ctx, jetstream.StreamConfig{
//		Name: "THINGS", Subjects: []string{"things.>"}, Replicas: b.Replicas()})
//
// The trade-off: the embedded server does not wait for the disk to confirm each
// message. A process that is killed loses nothing, since the operating system
// has every byte; a machine that loses power may lose what was not synced. Sync is
// for callers that must not: they share syncs, so many of them cost few.
//
// Before the server opens what is stored, damaged messages are taken out of it; and
// while it runs, a data folder that is removed or replaced is noticed (Lost).
package broker
