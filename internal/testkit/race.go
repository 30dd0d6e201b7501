//go:build race

package testkit

// Race reports whether the race detector watches. It looks for races, and makes everything
// several times as slow: tests that repeat themselves for a figure's sake run once then, some in
// only one of their cases, and leave the judgement of the figure to the run without it.
const Race = true
