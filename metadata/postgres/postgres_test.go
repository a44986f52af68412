package postgres_test

import (
	"context"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
)

func TestStore(t *testing.T) {
	metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
		return open(t, postgrestest.URL(t), postgres.WithClock(now))
	})
}

// TestFaultyStore: the wrapper changes nothing while no fault strikes.
func TestFaultyStore(t *testing.T) {
	metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
		return metadatatest.Faulty(open(t, postgrestest.URL(t), postgres.WithClock(now)), func() error { return nil })
	})
}

func open(t testing.TB, url string, opts ...postgres.Option) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
