package mem_test

import (
	"errors"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
	"slipway/storage/mem"
)

// TestGrowMismatch: this store notices a caller that commits under a wrong digest.
func TestGrowMismatch(t *testing.T) {
	s := mem.New()
	g, err := s.Grow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if _, err := g.Write([]byte("bytes")); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Commit(t.Context(), digest.FromString("other")); !errors.Is(err, storage.ErrMismatch) {
		t.Errorf("Commit: %v, want ErrMismatch", err)
	}
	if _, err := g.Commit(t.Context(), digest.FromString("bytes")); err != nil {
		t.Errorf("Commit: %v", err)
	}
}
