// Package jobs keeps and runs durable jobs: catalogues of any size that are
// classified in the background, survive the process, and are shared by replicas.
//
// The problem: a job of a million items runs for hours. In that time servers are
// restarted, killed and replaced, readers come and go, and the store is away for
// a while. Still each item must have exactly one result, nothing may be paid for
// twice except calls in flight at a crash, and there is no leader that assigns work.
//
//	Create  -> items stream    credenza.items.UPLOAD.CHUNK      100 items a message
//	               |           a durable consumer for each job, shared by all replicas
//	               v
//	worker: chunk -> engine -> credenza.results.UPLOAD.CHUNK    a few results a message
//	               |                                            then the chunk is acknowledged
//	               v
//	Watch   <- results stream  credenza.results.UPLOAD.end      the last message of a job
//
//	Correct -> corrections stream  credenza.corrections.UPLOAD.change  a message for each change
//
//	records: a key-value bucket, a job's state under its id
//
// Five rules carry it:
//
//   - On disk before reported. A job is synced before Create returns it, and its end
//     and results before its record says that it has ended. Results are synced within
//     Config.Sync.
//   - Stored before shown. A result exists once it is in the results stream, which
//     watchers read. Its sequence is the resume token.
//   - One writer for each chunk. A result is stored only if nothing was stored for
//     its chunk since its worker last looked, so of two workers that hold the same
//     chunk, one slow and one in its place, the slow one's results are refused.
//   - Done is what is stored. A chunk that is delivered again runs only the items
//     without a stored result. Counts are sums over stored messages, whose headers
//     carry them; there is no counter that a crash could leave wrong.
//   - The end is a message too. The first worker to store it has ended the job, and
//     later messages are ignored. Any replica that finds the record behind updates it.
//
// The trade-off: a chunk whose worker died waits for ackWait before another takes
// it, and a job's items stay stored until it is deleted, so that failed items can be
// run again.
package jobs
