// Package upstream decides which call may go to the model now, and on which key.
//
// A provider limits requests, tokens, or merely its own slots, says so in
// headers or not at all, and changes its mind. A caller that sends too much is
// answered 429 and wastes calls; one that sends too little wastes the quota. The
// gate finds the limit, stays just under it, and shares what there is.
//
//	Acquire(need) -> fair queue -> dispatch -> quota group -> Lease
//	                                 ^             |
//	                                 +--- Settle(result): headers, 429s, latency
//
// An attempt asks the Gate for a Lease, makes its call with the lease's key, and
// settles the lease with what the answer said. The gate knows nothing of
// questions and answers; whether to try again is its caller's decision, when is
// the gate's.
//
// Each quota group is a handful of small policies that know nothing of each
// other and meet in group.go, where the tightest one binds:
//
//   - limit: how many calls may be in flight (slow start, additive growth, cuts)
//   - level: how fast the provider's headers allow, for requests and for tokens
//   - learned: how fast 429s allow if headers are silent, and which of them are stray
//   - ignored: whether headers contradict themselves
//   - pacer: spaces starts at that speed, and pauses after a 429
//   - breaker: nothing but probes while the server is away
//   - brake: fewer in flight if a server queues calls instead of refusing them
//   - latency: how long answers usually take, and so when an attempt has hung
//
// The trade-off is one lock around all of it. A lease and its release cost about
// a microsecond, hundreds of times less than the call that they allow, and in
// return every decision sees the whole state.
//
//	lease, err := gate.Acquire(ctx, upstream.Need{Caller: c, Model: m, Tokens: n, Attempt: 1})
//	if err != nil {
//		return err // a *fault.Fault, or the context's error
//	}
//	answer, result := call(ctx, lease.BaseURL(), lease.Secret(), lease.Model(m))
//	lease.Settle(result)
package upstream

import "time"

// instant is a moment on the gate's clock: the time since the gate was built.
// It is monotonic, and plain arithmetic gives durations.
type instant = time.Duration

// never is later than every moment.
const never instant = 1<<63 - 1
