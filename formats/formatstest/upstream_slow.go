package formatstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"slipway/metadata"
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
	over    int         // bytes of the smallest one that it lets wait
	fails   atomic.Bool // once it is let
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
	if g.size > g.store.over {
		g.store.pending.Add(1)
		<-g.store.let
		g.store.pending.Add(-1)
		if g.store.fails.Load() {
			return storage.Blob{}, storage.ErrNoSpace
		}
	}
	return g.Growing.Commit(ctx, sum)
}

// upstreamSlowStore: a file that the store takes long for is handed out before it is in the log, which is counted, and enters all the same; in a
// repository with strict_record its end waits for the entry.
func upstreamSlowStore(t *testing.T, u Upstream) {
	for name, strict := range map[string]bool{"late": false, "strict": true} {
		t.Run(name, func(t *testing.T) {
			store := &slowStore{Store: mem.New(), let: make(chan struct{}), over: mib}
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

// naming counts what names the bytes of a file: its blob's row and, where no other entry may pin its digest, entries of the log.
func (m *mirrored) naming(f Elsewhere) (n int) {
	d := digest.FromBytes(f.Bytes())
	registrytest.Must(m.t, m.Metadata.View(m.t.Context(), func(tx metadata.Tx) error {
		_, err := tx.Blobs().Blob(d)
		if err == nil {
			n++
		} else if !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		entries, err := tx.Log().Entries(metadata.EntryQuery{After: -1})
		for _, e := range entries {
			if !f.Pinned && bytes.Contains(e.Data, []byte(d.Encoded())) {
				n++
			}
		}
		return err
	}))
	return n
}

// upstreamBytesFirst: until the bytes of a file are durable nothing names it, as a power cut would leave a row without them: neither a row nor an
// entry in the log, and no client has it. Where the store fails, nothing has entered.
func upstreamBytesFirst(t *testing.T, u Upstream) {
	const size = 100 << 10
	store := &slowStore{Store: mem.New(), let: make(chan struct{}), over: size / 2}
	m := u.mirror(t, registrytest.WithBlobs(store))
	f := m.publish("example", size)
	want := 2 // its blob, and its entry
	if f.Pinned {
		want = 1
	}
	rows := func() int { return m.naming(f) }
	ask := func() chan Response {
		done := make(chan Response, 1)
		go func() {
			res, err := m.Try(m.as, Request{Method: http.MethodGet, Path: f.Local})
			if err != nil {
				t.Errorf("%s: %v", f.Local, err)
			}
			done <- res
		}()
		registrytest.Eventually(t, "the store flushes", func() bool { return store.pending.Load() > 0 })
		time.Sleep(50 * time.Millisecond) // for what must not happen
		select {
		case res := <-done:
			t.Fatalf("answered before the bytes are durable: %v", res)
		default:
		}
		if n := rows(); n > 0 {
			t.Errorf("%d rows name bytes that are not durable", n)
		}
		return done
	}
	done := ask()
	store.fails.Store(true)
	store.let <- struct{}{}
	if res := <-done; res.Status != http.StatusInsufficientStorage {
		t.Errorf("the store failed: %v", res)
	}
	if n := rows(); n > 0 {
		t.Errorf("the store failed, and there are %d rows", n)
	}
	store.fails.Store(false)
	done = ask()
	close(store.let)
	if res := <-done; res.Status != http.StatusOK || !bytes.Equal(res.Body, f.Bytes()) {
		t.Errorf("%v", res)
	}
	if n := rows(); n != want {
		t.Errorf("%d rows of the file, not %d", n, want)
	}
	m.MustFsck(t)
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
