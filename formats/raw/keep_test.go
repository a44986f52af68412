package raw_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/maintain"
	"slipway/registry/upstreams"
)

// keeps is a mirror with files of five bytes.
func keeps(t *testing.T, names ...string) *mirrored {
	t.Helper()
	m := mirror(t, formatstest.Options{})
	for _, name := range names {
		m.u.Raw(name, []byte("of "+name[:1]+"!"))
		if res := m.get(name); res.Status != http.StatusOK {
			t.Fatal(res)
		}
		m.later(time.Minute)
	}
	return m
}

// here are the paths of files whose bytes are here.
func (m *mirrored) here() (out []string) {
	m.t.Helper()
	list, err := m.Upstreams.Cached(m.Admin, "mirror", upstreams.CachedQuery{State: upstreams.CachedHere})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, c := range list {
		out = append(out, c.Path)
	}
	return out
}

// run evicts by the settings, and wants these files to be left, and the log to tell of so many that went, and why.
func (m *mirrored) run(left []string, told ...string) {
	m.t.Helper()
	if err := m.Upstreams.EvictUnused(m.Admin); err != nil {
		m.t.Fatal(err)
	}
	if got := m.here(); !slices.Equal(got, left) {
		m.t.Errorf("left %q, want %q", got, left)
	}
	list, _, err := m.Ledger.Events(m.Admin, ledger.EventQuery{After: -1, Types: []string{"cache.evicted"}})
	if err != nil {
		m.t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		var d registry.EventData
		if err := json.Unmarshal(e.Data, &d); err != nil || d.Evicted == nil {
			m.t.Fatal(err, string(e.Data))
		}
		got = append(got, fmt.Sprintf("%d %d %s", d.Evicted.Files, d.Evicted.Bytes, d.Evicted.Rule))
	}
	if !slices.Equal(got, told) {
		m.t.Errorf("the log tells %q, want %q", got, told)
	}
}

// TestKeepUnused: a file goes 90 days after its last use, or after the time that is set, or never; a HEAD is no use.
func TestKeepUnused(t *testing.T) {
	m := keeps(t, "a/1.0.0/a.zip", "b/1.0.0/b.zip", "c/1.0.0/c.zip")
	all := []string{"a.zip", "b.zip", "c.zip"}
	m.later(89 * 24 * time.Hour)
	m.run(all)
	m.get("b/1.0.0/b.zip")
	m.Do(m.as, formatstest.Request{Method: http.MethodHead, Path: local("c/1.0.0/c.zip")})
	m.later(2 * 24 * time.Hour)
	m.SetRemote("mirror", `{"offline":true}`)
	m.run(all)
	m.SetRemote("mirror", `{"offline":false,"keep":{"unused":"0s"}}`)
	m.run(all)
	m.SetRemote("mirror", `{"keep":{}}`)
	m.run([]string{"b.zip"}, "2 10 unused")
	m.run([]string{"b.zip"}, "2 10 unused")
	m.SetRemote("mirror", `{"keep":{"unused":"24h"}}`)
	m.run(nil, "2 10 unused", "1 5 unused")
	m.MustFsck(t)
	for _, name := range []string{"a/1.0.0/a.zip", "b/1.0.0/b.zip"} {
		if res := m.get(name); string(res.Body) != "of "+name[:1]+"!" {
			t.Errorf("again: %v", res)
		}
		m.get(name)
	}
	m.run([]string{"a.zip", "b.zip"}, "2 10 unused", "1 5 unused") // they were used just now
}

// TestKeepBytes: beyond the bound, those go that were not used for longest, no more than needed.
func TestKeepBytes(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	for i, name := range []string{"a/1.0.0/a.zip", "b/1.0.0/b.zip", "c/1.0.0/c.zip", "d/1.0.0/d.zip"} {
		m.u.Raw(name, fmt.Appendf(nil, "bytes %d", i))
		m.get(name)
		m.later(time.Minute)
	}
	m.get("a/1.0.0/a.zip")
	m.SetRemote("mirror", `{"keep":{"bytes":28}}`)
	m.run([]string{"a.zip", "b.zip", "c.zip", "d.zip"})
	m.SetRemote("mirror", `{"keep":{"bytes":20}}`)
	m.run([]string{"a.zip", "d.zip"}, "2 14 bytes")
	m.run([]string{"a.zip", "d.zip"}, "2 14 bytes")
	if _, err := m.Maintain.Collect(m.Admin, maintain.CollectOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	m.MustFsck(t)
}

// TestKeepUnderWay: a file of which other bytes are on their way stays until they are here.
func TestKeepUnderWay(t *testing.T) {
	const name = "tool/1.0.0/notes" // it may change
	m := keeps(t, name)
	m.later(time.Hour)
	whole := make([]byte, 3*mib)
	m.u.Raw(name, whole)
	release, began := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	m.u.On(upstream("**"), upstreamtest.HoldAt(2*mib, release), upstreamtest.EditHeader(func(*http.Request, http.Header) { begin() }))
	var client sync.WaitGroup
	client.Go(func() {
		if res := m.get(name); len(res.Body) != len(whole) {
			t.Errorf("got %d bytes: %d", len(res.Body), res.Status)
		}
	})
	<-began
	evict := func() upstreams.Evicted {
		t.Helper()
		done, err := m.Upstreams.Evict(m.Admin, "mirror", upstreams.Eviction{})
		if err != nil {
			t.Error(err)
		}
		return done
	}
	if done := evict(); done.Files != 0 {
		t.Errorf("evicted while it is on its way: %+v", done)
	}
	close(release)
	client.Wait()
	if done := evict(); done.Files != 1 || done.Bytes != int64(len(whole)) {
		t.Errorf("evicted: %+v", done)
	}
	m.MustFsck(t)
}

// TestKeepMeanwhile: a file that was used, or got other bytes, since an eviction has listed it stays.
func TestKeepMeanwhile(t *testing.T) {
	m := keeps(t, "a/1.0.0/a.zip")
	list, err := m.Upstreams.Cached(m.Admin, "mirror", upstreams.CachedQuery{})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	before, other := list[0], list[0]
	before.UsedAt = before.UsedAt.Add(-time.Hour)
	other.Digest = digest.FromString("other")
	for _, c := range []struct {
		entry upstreams.CachedEntry
		files int64
	}{{before, 0}, {other, 0}, {list[0], 1}, {list[0], 0}} {
		err := m.Core.Update(m.Admin, func(tx metadata.Tx) error {
			done, err := m.Publisher.Evict(tx, []metadata.CachedEntry{c.entry}, func(metadata.CachedEntry) bool { return false })
			if done.Files != c.files {
				t.Errorf("evicted %+v, want %d files", done, c.files)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	m.MustFsck(t)
}
