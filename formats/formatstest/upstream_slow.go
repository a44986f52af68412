package formatstest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// slowStore is a store that commits what comes from elsewhere when it is let. Its documents are small.
type slowStore struct {
	storage.Store
	let     chan struct{}
	pending atomic.Int64
}

// Grow implements storage.Grower.
func (s *slowStore) Grow(ctx context.Context) (storage.Growing, error) {
	g, err := s.Store.(storage.Grower).Grow(ctx) //nolint:forcetypeassert // the store in memory is one
	return &slowGrowing{Growing: g, store: s}, err
}

type slowGrowing struct {
	storage.Growing
	store *slowStore
	size  int
}

// Write implements io.Writer.
func (g *slowGrowing) Write(p []byte) (int, error) {
	n, err := g.Growing.Write(p)
	g.size += n
	return n, err
}

// Commit implements storage.Growing.
func (g *slowGrowing) Commit(ctx context.Context, sum digest.Digest) (storage.Blob, error) {
	if g.size > mib {
		g.store.pending.Add(1)
		<-g.store.let
		g.store.pending.Add(-1)
	}
	return g.Growing.Commit(ctx, sum)
}

// upstreamSlowStore: a file that the store takes long for is handed out before it is in the log, which is counted, and enters all the same; in a
// repository with strict_record its end waits for the entry.
func upstreamSlowStore(t *testing.T, u Upstream) {
	for name, strict := range map[string]bool{"late": false, "strict": true} {
		t.Run(name, func(t *testing.T) {
			store := &slowStore{Store: mem.New(), let: make(chan struct{})}
			metrics := prometheus.NewRegistry()
			m := u.mirror(t, registrytest.WithBlobs(store), registrytest.With(func(c *instance.Config) {
				c.Metrics, c.Upstreams.RecordTime = metrics, time.Millisecond
			}))
			_, err := m.Core.UpdateRepository(m.Admin, "mirror", registry.RepositoryChange{Settings: map[string]any{"strict_record": strict}})
			registrytest.Must(t, err)
			f := m.publish("example", 2*mib)
			res := m.open(t.Context(), f.Local)
			defer res.Body.Close()
			registrytest.Eventually(t, "the store takes long", func() bool { return store.pending.Load() > 0 })
			release := sync.OnceFunc(func() { close(store.let) })
			late, entered := 0.0, make(chan bool, 1)
			if strict {
				time.AfterFunc(100*time.Millisecond, func() { entered <- true; release() })
			} else {
				late = 1
				entered <- false
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || !bytes.Equal(body, f.Bytes()) {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			select {
			case before := <-entered:
				if !before {
					release()
				}
			default:
				t.Error("the end came before the entry")
				release()
			}
			if got := counted(t, metrics, "slipway_cache_late_entries_total"); got != late {
				t.Errorf("%v late entries are counted, not %v", got, late)
			}
			m.has(f)
			registrytest.Eventually(t, "the file enters", func() bool { return m.get(f.Local).Header.Get("Cache-Status") == "slipway; hit" })
			m.MustFsck(t)
		})
	}
}

// counted is the sum of the values of a metric with these labels, names and values by turns; -1: there is none.
func counted(t *testing.T, metrics *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	registrytest.Must(t, err)
	sum, found := 0.0, false
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && has(m, labels) {
				found = true
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	if !found {
		return -1
	}
	return sum
}

// has reports whether a metric has these labels.
func has(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == labels[i] && l.GetValue() == labels[i+1] }) {
			return false
		}
	}
	return true
}
