package publish

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// filesOnly is a transaction that knows the files of one version.
type filesOnly struct {
	metadata.Tx
	files []registry.File
}

func (f filesOnly) Files() metadata.Files { return listed{files: f.files} }

type fileGroup = metadata.Files

type listed struct {
	fileGroup
	files []registry.File
}

func (l listed) Files(metadata.FileQuery) ([]registry.File, error) { return l.files, nil }

// TestMatches: whether all files were there before is known without comparing each with each; that would take minutes here.
func TestMatches(t *testing.T) {
	const files = 100_000
	start := time.Now()
	one, two := digest.FromString("one"), digest.FromString("two")
	tx := filesOnly{files: make([]registry.File, files)}
	c := committer{change: &change{tx: tx}, files: make([]Staged, files)}
	for i := range files {
		path := fmt.Sprintf("some/rather/long/folder/of/a/build/file-%06d", i)
		tx.files[i] = registry.File{Path: path, Blob: registry.Blob{Digest: one}}
		c.files[files-1-i] = Staged{Path: path, Blob: registry.Blob{Digest: one}}
	}
	matches := func(want bool) {
		t.Helper()
		if got, err := c.matches(registry.Version{}); err != nil || got != want {
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
