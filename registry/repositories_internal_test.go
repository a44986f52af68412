package registry

import (
	"testing"

	"slipway/metadata"
)

// written is a store in which one part was written.
type written struct {
	metadata.Store
	part metadata.Part
}

func (w written) Generation() uint64 { return 1 }

func (w written) GenerationOf(p metadata.Part) uint64 {
	if p == w.part {
		return 1
	}
	return 0
}

// TestRepositorySince: what is remembered of a repository outlasts what is written to packages, and no write to a repository.
func TestRepositorySince(t *testing.T) {
	for part, want := range map[metadata.Part]uint64{7: 0, metadata.PackageNames: 0, metadata.RepositoryRows: 1} {
		if got := repositorySince(written{part: part}, Repository{}); got != want {
			t.Errorf("after part %d was written: generation %d, want %d", part, got, want)
		}
	}
}
