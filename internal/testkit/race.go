//go:build race

package testkit

// Race reports whether the race detector watches. It looks for races, and makes everything
// several times as slow: tests that repeat themselves for a figure's sake repeat less then,
// and leave the judgement of the figure to the run without it.
const Race = true
