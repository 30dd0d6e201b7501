package testkit

import (
	"testing"
	"time"
)

// Await waits for a condition, for a minute at most. It is for programs and servers
// with a clock of their own; what runs in a testing/synctest bubble needs no waiting.
func Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(time.Minute)
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}
