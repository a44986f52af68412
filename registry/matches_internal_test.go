package registry

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// filesOnly is a transaction that knows the files of one version.
type filesOnly struct {
	metadata.Tx
	files []File
}

func (f filesOnly) Files() metadata.Files { return listed{files: f.files} }

type fileGroup = metadata.Files

type listed struct {
	fileGroup
	files []File
}

func (l listed) Files(metadata.FileQuery) ([]File, error) { return l.files, nil }

// TestOfSet: the files of a large set find their releases without each release looking at all files, of which a commit
// would keep everybody else waiting for minutes here.
func TestOfSet(t *testing.T) {
	const versions = 50_000
	start := time.Now()
	releases, files := make([]SetRelease, versions), make([]StagedFile, 2*versions)
	for i := range versions {
		at := Name{Format: "test", Package: "some/package"}
		version := fmt.Sprintf("1.0.0-snapshot.%06d", i)
		releases[versions-1-i] = SetRelease{At: at, Release: Release{Version: version}}
		files[2*i] = StagedFile{Format: at.Format, Package: at.Package, Version: version, Path: "one"}
		files[2*i+1] = StagedFile{Format: at.Format, Package: at.Package, Version: version, Path: "two"}
	}
	releases[0].Release.Files = []Staged{{Path: "two"}}
	releases[1].Release.Version = "another"
	staged := ofSet(releases, files)
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

// TestMatches: whether all files were there before is known without comparing each with each; that would take minutes here.
func TestMatches(t *testing.T) {
	const files = 100_000
	start := time.Now()
	one, two := digest.FromString("one"), digest.FromString("two")
	tx := filesOnly{files: make([]File, files)}
	c := committer{change: &change{tx: tx}, files: make([]Staged, files)}
	for i := range files {
		path := fmt.Sprintf("some/rather/long/folder/of/a/build/file-%06d", i)
		tx.files[i] = File{Path: path, Blob: Blob{Digest: one}}
		c.files[files-1-i] = Staged{Path: path, Blob: Blob{Digest: one}}
	}
	matches := func(want bool) {
		t.Helper()
		if got, err := c.matches(Version{}); err != nil || got != want {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	matches(true)
	last := &c.files[files-1]
	last.Blob.Digest = two
	matches(false)
	last.Blob.Digest, last.Path = one, "other"
	matches(false)
	c.files = slices.Clip(c.files[:files-1])
	matches(false)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
