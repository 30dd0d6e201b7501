// Package testkit has what tests of several packages need: a network in memory, the
// simulated model, programs that are started, and conditions that are waited for.
package testkit
