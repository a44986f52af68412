package formatstest

import (
	"runtime/debug"
	"testing"
)

// UsualHeap lets garbage be collected at Go's own pace while a test measures memory: "make test" has it collected less often.
func UsualHeap(t testing.TB) {
	t.Helper()
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
}
