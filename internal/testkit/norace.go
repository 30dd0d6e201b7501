//go:build !race

package testkit

// Race reports whether the race detector watches.
const Race = false
