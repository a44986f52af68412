package formatstest

// sampledUnderRace is of how many like requests one is made under the race detector.
const sampledUnderRace = 8

// sampled reports whether to make the n-th of many requests that differ in their text alone. The race detector makes each ten
// times slower and finds nothing more in the thousandth than in the first; "make test" makes all of them in a run without it.
func sampled(n int) bool { return !Race || n%sampledUnderRace == 0 }
