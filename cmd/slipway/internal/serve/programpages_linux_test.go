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
		sum := 0
		for _, found := range regexp.MustCompile(`Rss(?:File|Shmem):\s+(\d+) kB`).FindAllSubmatch(status, -1) { // the program may be in memory
			kib, err := strconv.Atoi(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			sum += kib
		}
		return sum
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
