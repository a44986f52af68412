package staging

import (
	"fmt"
	"testing"
	"time"

	"slipway/registry"
	"slipway/registry/publish"
)

// TestOfSet: the files of a large set find their releases without each release looking at all files, of which a commit
// would keep everybody else waiting for minutes here.
func TestOfSet(t *testing.T) {
	const versions = 50_000
	start := time.Now()
	releases, files := make([]Release, versions), make([]registry.StagedFile, 2*versions)
	for i := range versions {
		at := registry.Name{Format: "test", Package: "some/package"}
		version := fmt.Sprintf("1.0.0-snapshot.%06d", i)
		releases[versions-1-i] = Release{At: at, Release: publish.Release{Version: version}}
		files[2*i] = registry.StagedFile{Format: at.Format, Package: at.Package, Version: version, Path: "one"}
		files[2*i+1] = registry.StagedFile{Format: at.Format, Package: at.Package, Version: version, Path: "two"}
	}
	releases[0].Release.Files = []publish.Staged{{Path: "two"}}
	releases[1].Release.Version = "another"
	staged := filesOf(releases, files)
	for i, want := range map[int]string{0: "[two]", 1: "[]", 2: "[one two]", versions - 1: "[one two]"} {
		paths := []string{}
		for _, st := range staged[i] {
			if !st.Held() {
				t.Errorf("release %d: %q is not held", i, st.Path)
			}
			paths = append(paths, st.Path)
		}
		if got := fmt.Sprint(paths); got != want {
			t.Errorf("release %d has %s, want %s", i, got, want)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
