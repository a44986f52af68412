package raw_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/registry/upstreams"
)

// TestAcceptToldBytes: an administrator's word is about the bytes that were told of: others that the remote has since do not enter by it, and
// of a file that has not changed there is nothing to accept or deny.
func TestAcceptToldBytes(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	const name, file = "tool/1.0.0/tool-1.0.0.zip", "tool-1.0.0.zip"
	at := registry.Name{Repository: "mirror", Format: "raw", Package: "tool", Display: "tool"}.At("1.0.0")
	m.u.Raw(name, []byte("first"))
	if res := m.get(name); string(res.Body) != "first" {
		t.Fatal(res)
	}
	for what, do := range map[string]func() error{"accept": func() error { return m.Upstreams.Accept(m.Admin, at, file) }, "deny": func() error { return m.Upstreams.Deny(m.Admin, at, file) }} {
		if err := do(); registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s what has not changed: %v", what, err)
		}
	}
	if _, err := m.Upstreams.Evict(m.Admin, "mirror", upstreams.Eviction{}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Maintain.Collect(m.Admin, maintain.CollectOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	m.later(time.Minute)
	m.u.Raw(name, []byte("other"))
	for range 2 { // they are told of once
		if res := m.get(name); res.Status != http.StatusBadGateway {
			t.Errorf("other bytes: %v", res)
		}
		m.later(time.Hour)
	}
	if got := m.kinds(); !slices.Equal(got, []string{"cache.entered", "cache.evicted", "upstream.mutated"}) {
		t.Errorf("log: %v", got)
	}
	m.u.Raw(name, []byte("third"))
	if err := m.Upstreams.Accept(m.Admin, at, file); registry.KindOf(err) != registry.BadUpstream || err == nil {
		t.Errorf("accepted bytes that were not told of: %v", err)
	}
	m.u.Raw(name, []byte("other"))
	if err := m.Upstreams.Accept(m.Admin, at, file); err != nil {
		t.Fatal(err)
	}
	if res := m.get(name); string(res.Body) != "other" {
		t.Errorf("accepted: %v", res)
	}
	m.MustFsck(t)
}

// TestMutatedAfterEviction: a remote that has other bytes of an evicted file gets them in by an administrator alone, and the
// log has both.
func TestMutatedAfterEviction(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	const name = "tool/1.0.0/tool-1.0.0.zip"
	m.u.Raw(name, []byte("first"))
	if res := m.get(name); string(res.Body) != "first" {
		t.Fatal(res)
	}
	evict := func() {
		t.Helper()
		done, err := m.Upstreams.Evict(m.Admin, "mirror", upstreams.Eviction{})
		if err != nil || done.Files != 1 || done.Bytes != 5 {
			t.Fatal(done, err)
		}
		if _, err := m.Maintain.Collect(m.Admin, maintain.CollectOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		m.later(time.Minute) // else the same bytes wait for the collector
	}
	evict()
	m.u.Raw(name, []byte("other"))
	at := registry.Name{Repository: "mirror", Format: "raw", Package: "tool", Display: "tool"}.At("1.0.0")
	const file = "tool-1.0.0.zip"
	for range 2 {
		if res := m.get(name); res.Status != http.StatusBadGateway {
			t.Errorf("other bytes: %v", res)
		}
	}
	m.MustFsck(t)
	state := func(state string, want int) {
		t.Helper()
		if list, err := m.Upstreams.Cached(m.Admin, "mirror", upstreams.CachedQuery{State: state}); err != nil || len(list) != want {
			t.Errorf("%s: %+v, %v", state, list, err)
		}
	}
	state("changed", 1)
	if err := m.Upstreams.Deny(m.Admin, at, file); err != nil {
		t.Fatal(err)
	}
	state("changed", 0)
	state("denied", 1)
	for range 2 { // in place of the refusal that was remembered, and of the next one
		if res := m.get(name); res.Status != http.StatusBadGateway || strings.Contains(string(res.Body), "accept") || !strings.Contains(string(res.Body), "slipway version rm mirror raw tool 1.0.0") {
			t.Errorf("refused bytes: %v", res)
		}
		m.later(time.Hour)
	}
	if err := m.Upstreams.Accept(m.Admin, at, file); err != nil {
		t.Fatal(err)
	}
	state("denied", 0)
	if res := m.get(name); string(res.Body) != "other" {
		t.Errorf("accepted: %v", res)
	}
	m.MustFsck(t)
	evict()
	if res := m.get(name); string(res.Body) != "other" {
		t.Errorf("again: %v", res)
	}
	if err := m.Upstreams.Accept(m.Admin, at, file); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("nothing waits: %v", err)
	}
	if got := m.kinds(); !slices.Equal(got, []string{"cache.entered", "cache.evicted", "upstream.mutated", "cache.denied", "cache.replaced", "cache.evicted"}) {
		t.Errorf("log: %v", got)
	}
	m.MustFsck(t)

	if err := m.Publisher.Delete(m.Admin, at, "not this one"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Maintain.Collect(m.Admin, maintain.CollectOptions{Force: true}); err != nil { // its files can't be restored any more
		t.Fatal(err)
	}
	m.later(time.Minute)
	if res := m.get(name); res.Status != http.StatusNotFound {
		t.Errorf("deleted: %v", res)
	}
	if _, _, err := m.Publisher.Restore(m.Admin, at, ""); err != nil {
		t.Fatal(err)
	}
	m.MustFsck(t)
	if res := m.get(name); string(res.Body) != "other" {
		t.Errorf("restored: %v", res)
	}
	m.MustFsck(t)
}

// kinds are the types of the log's entries about files of remotes.
func (m *mirrored) kinds() (out []string) {
	m.t.Helper()
	err := m.Core.Store.View(m.Admin, func(tx metadata.Tx) error {
		entries, err := tx.Log().Entries(metadata.EntryQuery{After: -1, Limit: registry.MaxPage})
		for _, e := range entries {
			if strings.HasPrefix(e.Type, "cache.") || e.Type == "upstream.mutated" {
				out = append(out, e.Type)
			}
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// TestOwnersOther is the case "owners with other bytes" of TestRemotes for a file that may not change.
func TestOwnersOther(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	const name, file = "tool/1.0.0/tool-1.0.0.zip", "tool-1.0.0.zip"
	at := registry.Name{Repository: "mirror", Format: "raw", Package: "tool", Display: "tool"}.At("1.0.0")
	m.u.Raw(name, []byte("theirs"))
	if res := m.get(name); string(res.Body) != "theirs" {
		t.Fatal(res)
	}
	owner := upstreamtest.New(t, upstreamtest.Options{})
	owner.Raw(name, []byte("ours"))
	if _, err := m.Upstreams.Add(m.Admin, "mirror", upstreams.NewUpstream{Name: "owner", Type: metadata.UpstreamRemote, Format: "raw", URL: owner.RawURL(),
		Settings: upstreams.Settings{Owns: true}}); err != nil {
		t.Fatal(err)
	}
	if res := m.get(name); res.Status != http.StatusBadGateway || !strings.Contains(string(res.Body), "slipway cache accept mirror raw tool 1.0.0 "+file+" lets") {
		t.Errorf("other bytes: %v", res)
	}
	if err := m.Upstreams.Accept(m.Admin, at, file); err != nil {
		t.Fatal(err)
	}
	if res := m.get(name); string(res.Body) != "ours" {
		t.Errorf("accepted: %v", res)
	}
	if got := m.kinds(); !slices.Equal(got, []string{"cache.entered", "upstream.mutated", "cache.replaced"}) {
		t.Errorf("log: %v", got)
	}
	m.MustFsck(t)
}

// TestPulledOnItsWay: who downloads a file while it arrives is known once it has entered.
func TestPulledOnItsWay(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.u.Raw("tool/1.0.0/tool.zip", make([]byte, 3*mib))
	wim := m.UserToken("wim", 0, access.Grant{Repository: "*", Actions: []access.Action{access.Read}})
	if res := m.Do(wim, formatstest.Request{Method: http.MethodGet, Path: local("tool/1.0.0/tool.zip")}); len(res.Body) != 3*mib {
		t.Fatal(res)
	}
	registrytest.Eventually(t, "the download is noted", func() bool { // when the answer has ended, which the client may know before
		list, err := m.Pulls.Of(m.Admin, registry.Name{Repository: "mirror", Format: "raw", Package: "tool"}.At("1.0.0"), registry.Page{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list) == 1 && list[0].Caller == "token wim of user wim"
	})
}
