package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/sqlite"
)

func TestStore(t *testing.T) {
	metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
		return open(t, filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(now))
	})
}

// TestFaultyStore: the wrapper changes nothing while no fault strikes.
func TestFaultyStore(t *testing.T) {
	metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
		s := open(t, filepath.Join(t.TempDir(), "slipway.db"), sqlite.WithClock(now))
		return metadatatest.Faulty(s, func() error { return nil })
	})
}

func open(t testing.TB, path string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
