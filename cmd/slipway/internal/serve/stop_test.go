package serve_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry/registrytest"
)

// TestStopWrites: a server that stops writes when files of remotes were used, which it otherwise does every few minutes.
func TestStopWrites(t *testing.T) {
	up := upstreamtest.New(t, upstreamtest.Options{})
	up.Raw("tool/1.0.0/tool", []byte("a tool"))
	r := commandtest.Start(t, func(c *installation.Config) { c.UpstreamAllow = []string{"127.0.0.1"} })
	r.Login()
	r.CLI(0, "repo", "create", "mirror", "--upstream", up.RawURL(), "--format", "raw")
	get := func() {
		t.Helper()
		if got := r.Ask("GET", "/raw/mirror/tool/1.0.0/tool", ""); got != "a tool" {
			t.Fatalf("%q", got)
		}
	}
	get()
	entered := time.Now()
	for time.Since(entered) < time.Millisecond { // the database counts in microseconds
		time.Sleep(100 * time.Microsecond)
	}
	get()
	r.Stop()
	store, err := sqlite.Open(t.Context(), filepath.Join(r.Data, "slipway.db"))
	registrytest.Must(t, err)
	defer store.Close()
	registrytest.Must(t, store.View(context.Background(), func(tx metadata.Tx) error {
		repository, err := tx.Repositories().Repository("mirror")
		if err != nil {
			return err
		}
		list, err := tx.Evictions().CachedEntries(metadata.CachedQuery{RepositoryID: repository.ID, Limit: 2})
		if len(list) != 1 || !list[0].UsedAt.After(entered) {
			t.Errorf("used before %v: %v", entered, list)
		}
		return err
	}))
}
