package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/metadata/postgres"
	"slipway/metadata/postgres/postgrestest"
)

// TestStore runs the suite, and looks at the plans of all statements that it used.
func TestStore(t *testing.T) {
	rec := &recorder{texts: map[string]bool{}}
	t.Run("suite", func(t *testing.T) {
		metadatatest.Run(t, func(t *testing.T, now func() time.Time) metadata.Store {
			return &recorded{Store: open(t, postgrestest.URL(t), postgres.WithClock(now)), t: t, to: rec}
		})
	})
	t.Run("beside others", func(t *testing.T) {
		s := &recorded{Store: open(t, postgrestest.URL(t), postgres.WithPeers()), t: t, to: rec}
		if err := errors.Join(s.Sync(t.Context()), s.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Run("plans", rec.checkPlans)
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
