// Package llmsim is a simulated model server that speaks OpenAI's Chat
// Completions API over real HTTP.
//
// # The problem
//
// What is hard about calling a model is everything but the call: quotas that are
// shown in headers or not at all, 429s, hanging calls, cut-off answers, revoked
// keys, outages, and servers that refuse what others take. A real provider shows
// these when it likes and charges for it. The simulator shows them when asked, the
// same way each time, at 2,000 calls a second next to the program under test, and
// counts what it saw.
//
// # The picture
//
// One call passes these stations, and any of them can end it:
//
//	body read -> outage? -> key (401) -> request (400) -> rule that costs nothing (400, 429, 503)
//	  -> quota (429) -> hang? -> slot -> latency -> rule that costs (500, reset, changed answer) -> answer
//
// An answer follows the request's JSON schema, which is a flat object. Its content
// follows from a hash of the last user message alone: equal questions get equal
// answers, in every run. Latencies and faults follow from Config.Seed and the
// call's number in the order of arrival, so that the nth call of two runs has the
// same luck.
//
// What differs from a sound answer is a Rule: conditions, and what is answered.
// The table in behaviours.yaml has those of plain faults and of real servers by name.
// A server takes names from it (Config.Behaviours, cmd/llmsim --behaviour), and so
// do faults by chance (Config.Faults), key states and outages. A mark in the user
// message does it for that message, always or on its first attempts:
// "sim:refuse", "sim:400", "sim:hang", "sim:500x2" (twice, then well).
//
// # The trade-off
//
// Requests are scanned for the few members that matter. Everything but the last
// user message is read once for all requests that share it. That keeps a call at a
// few microseconds on top of net/http, so that the simulator can share two cores
// with what it measures. Time is only that of package time and every wait ends with
// the request's context, so the whole simulator runs in a testing/synctest bubble:
// an hour of quota in no time. A request for a stream gets its whole answer as
// one event.
//
// # As a program
//
// cmd/llmsim serves it on an address, from flags and a YAML file. Every field of
// Config has its place in the file:
//
//	seed: 7
//	latency: {median: 200ms, sigma: 0.5, cap: 20s}
//	quota: # of each key that is in no group
//	  requests: {amount: 6000, per: 1m, burst: 100}
//	  tokens: {amount: 2000000, per: 1m}
//	groups:
//	  team: # shared by its keys
//	    requests: {amount: 1000, per: 10s, window: true}
//	    hidden: {amount: 50, per: 1s}
//	    retry_after: seconds
//	    changes: [{at: 30s, requests: {amount: 500, per: 10s, window: true}}]
//	keys:
//	  - {secret: sk-one}
//	  - {secret: sk-two, group: team}
//	  - {secret: sk-old, changes: [{at: 1m, state: revoked}]}
//	faults: {throttle: 0.1, error: 0.05, reset: 0.03, garbage: 0.03, cut: 0.02, hang: 0.005}
//	behaviours: [gemini-schema, gemini-logprobs]
//	rules:
//	  - {if: ['temperature!=1'], status: 400, body: '{"error":{"message":"only 1 is allowed"}}'}
//	outages:
//	  - {start: 20s, for: 10s, kind: hang, in_flight: true}
//
// Besides the API it serves GET /healthz, GET /stats, POST /stats/reset, and POST
// and DELETE /admin/outage (query: kind, for, in_flight).
package llmsim
