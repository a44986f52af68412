//go:build race

package formatstest

// Race: the race detector makes everything slower, so bounds in seconds mean nothing.
const Race = true
