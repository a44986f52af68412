package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// removals: a prepared removal removes within its time, and nothing afterwards.
func removals(t *testing.T, s storage.Store) {
	f, ok := s.(storage.Fencer)
	if !ok {
		return // a store of one process
	}
	const ttl = time.Second
	data := []byte("bytes to remove")
	d := digest.FromBytes(data)
	for range 2 { // the second finds nothing
		mustPut(t, s, data)
		for range 2 {
			remove, err := f.Removal(t.Context(), d, ttl)
			if err == nil {
				err = remove(t.Context())
			}
			if err != nil {
				t.Errorf("a removal: %v", err)
			}
			if _, err := s.Stat(t.Context(), d); !errors.Is(err, storage.ErrNotExist) {
				t.Errorf("after a removal: %v", err)
			}
		}
	}
	late, err := f.Removal(t.Context(), d, ttl)
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, data)
	time.Sleep(ttl + 1500*time.Millisecond) // servers count whole seconds
	if err := late(t.Context()); !errors.Is(err, storage.ErrLate) {
		t.Errorf("a late removal: %v, want ErrLate", err)
	}
	mustHave(t, s, data)
}
