package serve

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestReleaseProgram: most of the program is mapped no more, and it runs on.
func TestReleaseProgram(t *testing.T) {
	mapped := func() int {
		t.Helper()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		kib, err := strconv.Atoi(string(regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)[1]))
		if err != nil {
			t.Fatal(err)
		}
		return kib
	}
	before := mapped()
	for range 100 {
		if err := releaseProgram(); err != nil {
			t.Fatal(err)
		}
		if gcPercent(1<<20) != maxGCPercent {
			t.Fatal("it computes something else")
		}
	}
	if after := mapped(); after >= before {
		t.Errorf("%d KiB of files are mapped, and were %d", after, before)
	}
}
