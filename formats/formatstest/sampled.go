package formatstest

import "testing"

// sampledUnderRace is of how many like requests one is made under the race detector. It divides no list of what they try, so that
// each of a list's entries has its turn on some route.
const sampledUnderRace = 31

// faultsUnderRace is of how many calls that fail in turn one does under the race detector.
const faultsUnderRace = 5

// Sampled reports whether to make the n-th of many requests that differ in their text alone. The race detector makes each ten
// times slower and finds nothing more in the thousandth than in the first; "make test" makes all of them in a run without it.
func Sampled(n int) bool { return !Race || n%sampledUnderRace == 0 }

// Large returns a size that only matters by being large: the bytes of a file whose way through a front-end must not take memory
// that grows with it, or the depth of a document that must not take the stack. It is full, or a tenth of it under the race
// detector. "make test" sends the full size in a run without it.
func Large(full int64) int64 {
	if Race || testing.Short() {
		return full / 10
	}
	return full
}
