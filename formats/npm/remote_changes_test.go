package npm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/upstreams"
)

// told expects the events below "upstream." so far.
func (m *faulty) told(want ...string) {
	m.t.Helper()
	list, _, err := m.Ledger.Events(m.Admin, ledger.EventQuery{After: -1, Types: []string{"upstream.*"}})
	must(m.t, err)
	var got []string
	for _, e := range list {
		var d registry.EventData
		must(m.t, json.Unmarshal(e.Data, &d))
		text := fmt.Sprintf("%s %s %s", strings.Split(e.Type, ".")[3], d.Upstream.Name, d.Package)
		if d.Count > 0 {
			text += fmt.Sprintf(" %d %v", d.Count, d.Versions)
		}
		for _, f := range d.Former {
			text += fmt.Sprintf(" %s %s", d.Version, f.Path)
		}
		got = append(got, text)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		m.t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// set changes the settings of the upstream.
func (m *faulty) set(change func(*upstreams.Settings)) {
	m.t.Helper()
	_, err := m.Upstreams.Change(m.Admin, "mirror", "up", func(v upstreams.Settings) (upstreams.Settings, error) {
		change(&v)
		return v, nil
	})
	must(m.t, err)
}

// lists reports whether the document of left-pad has a version.
func (m *faulty) lists(version string) bool {
	m.t.Helper()
	return strings.Contains(string(m.wants(http.StatusOK, "/left-pad").Body), `"`+version+`":`)
}

// TestRemoteRemoval: a version that entered and that the registry lists no more follows the upstream's setting.
func TestRemoteRemoval(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		m.u.NPM("left-pad", version, upstreamtest.NPMVersion{})
	}
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.wants(http.StatusOK, tarballOf("left-pad", "1.1.0"))
	m.u.NPMRemove("left-pad", "1.1.0")
	m.u.NPMRemove("left-pad", "1.2.0")
	m.later(3 * time.Hour)
	if m.lists("1.1.0") || !m.lists("1.0.0") {
		t.Error("the document is not that of the registry")
	}
	m.told("removed up left-pad 1 [1.1.0]")
	check := func(setting string, status int, listed bool) {
		t.Helper()
		m.set(func(v *upstreams.Settings) { v.OnRemoval = setting })
		m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
		res := m.ask(http.MethodGet, tarballOf("left-pad", "1.1.0"))
		if res.Status != status || m.lists("1.1.0") != listed {
			t.Errorf("%q: %v, listed %v", setting, res, m.lists("1.1.0"))
		}
	}
	check("", http.StatusForbidden, false)
	m.restart()
	if res := m.want(http.StatusForbidden, "withdrawn", m.ask(http.MethodGet, tarballOf("left-pad", "1.1.0"))); !strings.Contains(string(res.Body), "EBLOCKED") {
		t.Errorf("%s", res.Body) // it is kept from every caller, so no client asks for credentials
	}
	check("hide", http.StatusOK, false)
	check("keep", http.StatusOK, true)
	check("block", http.StatusForbidden, false)

	m.u.NPMRemove("left-pad", "")
	m.later(3 * time.Hour)
	m.wants(http.StatusNotFound, "/left-pad")
	m.want(http.StatusForbidden, "withdrawn", m.ask(http.MethodGet, tarballOf("left-pad", "1.0.0")))
	m.restart()
	m.u.Origin.Down()
	m.later(time.Hour)
	m.wants(http.StatusNotFound, "/left-pad")
	m.want(http.StatusForbidden, "withdrawn", m.ask(http.MethodGet, tarballOf("left-pad", "1.0.0")))
	m.set(func(v *upstreams.Settings) { v.OnRemoval = "keep" })
	if !m.lists("1.0.0") || !m.lists("1.1.0") {
		t.Error("what entered is not kept")
	}
	m.told("removed up left-pad 1 [1.1.0]", "removed up left-pad 1 [1.0.0]")
	m.MustFsck(t)
}

// TestRemoteShrunk: a document that lost most of its versions is taken after an hour, or when an administrator accepts it.
func TestRemoteShrunk(t *testing.T) {
	for name, accept := range map[string]bool{"after an hour": false, "accepted": true} {
		t.Run(name, func(t *testing.T) {
			m := newFaulty(t, formatstest.Options{})
			for i := range 30 {
				m.u.NPM("left-pad", fmt.Sprintf("1.0.%d", i), upstreamtest.NPMVersion{})
			}
			m.wants(http.StatusOK, "/left-pad")
			for i := range 27 {
				m.u.NPMRemove("left-pad", fmt.Sprintf("1.0.%d", i))
			}
			at := sourceName("left-pad")
			at.Repository = "mirror"
			for range 3 {
				m.later(10 * time.Minute)
				_, err := m.Upstreams.Refresh(m.Admin, at)
				must(t, err)
				if !m.lists("1.0.0") {
					t.Fatal("a document that lost most of its versions was taken at once")
				}
			}
			m.told("shrunk up left-pad 3 []")
			if accept {
				must(t, m.Upstreams.Accept(m.Admin, at.At(""), ""))
				if m.lists("1.0.0") {
					t.Error("an accepted document was not taken")
				}
				return
			}
			if err := m.Upstreams.Accept(m.Admin, sourceName("other").At(""), ""); registry.KindOf(err) != registry.NotFound {
				t.Errorf("accepted nothing: %v", err)
			}
			m.later(3 * time.Hour)
			if m.lists("1.0.0") || !m.lists("1.0.29") {
				t.Error("the registry was not believed an hour later")
			}
		})
	}
}

// TestRemoteMutated: where a registry has other bytes for a version that entered, those here stay in service, with their sums, until an
// administrator accepts the others.
func TestRemoteMutated(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	former := m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	now := m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Files: map[string]string{"evil.js": "x"}})
	serves := func(f *upstreamtest.File) {
		t.Helper()
		doc := string(m.wants(http.StatusOK, "/left-pad").Body)
		if res := m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0")); string(res.Body) != string(f.Bytes()) || !strings.Contains(doc, f.Integrity()) {
			t.Errorf("%d bytes, want %d, in %s", len(res.Body), f.Size(), doc)
		}
	}
	m.later(3 * time.Hour)
	serves(former)
	m.restart()
	m.later(3 * time.Hour)
	serves(former)
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	m.later(3 * time.Hour)
	serves(former)
	m.told("mutated up left-pad 1.0.0 left-pad-1.0.0.tgz")
	changed := func(want int) {
		t.Helper()
		if list, err := m.Upstreams.Cached(m.Admin, "mirror", upstreams.CachedQuery{State: upstreams.CachedChanged}); err != nil || len(list) != want {
			t.Errorf("%d files wait for a decision, want %d: %v", len(list), want, err)
		}
	}
	changed(1)
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{}) // the bytes of before
	m.later(3 * time.Hour)
	serves(former)
	changed(0)
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Files: map[string]string{"evil.js": "x"}})
	m.later(3 * time.Hour)
	serves(former)
	m.told("mutated up left-pad 1.0.0 left-pad-1.0.0.tgz", "mutated up left-pad 1.0.0 left-pad-1.0.0.tgz")
	at := sourceName("left-pad").At("1.0.0")
	at.Repository = "mirror"
	must(t, m.Upstreams.Accept(m.Admin, at, "left-pad-1.0.0.tgz"))
	serves(now)
	m.later(3 * time.Hour)
	serves(now)
	m.told("mutated up left-pad 1.0.0 left-pad-1.0.0.tgz", "mutated up left-pad 1.0.0 left-pad-1.0.0.tgz")
	m.MustFsck(t)
}

// TestRemoteNews: what an administrator should know of a registry is told, and not again and again.
func TestRemoteNews(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	rule := m.u.On("**", upstreamtest.HTML())
	for range 5 {
		m.later(3 * time.Minute)
		m.wants(http.StatusBadGateway, "/other")
	}
	rule.Stop()
	rule = m.u.On("**.tgz", upstreamtest.Flip(-1))
	for range 2 {
		m.wants(http.StatusBadGateway, tarballOf("left-pad", "1.0.0"))
	}
	rule.Stop()
	rule = m.u.On("**", upstreamtest.Status(http.StatusUnauthorized))
	for _, name := range []string{"/a", "/b"} {
		m.wants(http.StatusBadGateway, name)
	}
	rule.Stop()
	m.later(time.Minute) // the answers so far count no more among those of which half must fail
	rule = m.u.On("**", upstreamtest.Status(http.StatusInternalServerError))
	for range 20 { // one that comes while the one before ends may share its answer
		m.wants(http.StatusServiceUnavailable, "/c")
	}
	rule.Stop()
	m.later(time.Minute)
	m.wants(http.StatusNotFound, "/c")
	m.Upstreams.Close() // waits for what is being written
	m.told("broken up other", "corrupt up left-pad", "refused up ", "down up ", "up up ")
}

// TestRemoteChecksum: a file without a checksum, or with a weak one alone, enters where the upstream's setting lets it.
func TestRemoteChecksum(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("none", "1.0.0", upstreamtest.NPMVersion{NoIntegrity: true, NoShasum: true})
	m.u.NPM("weak", "1.0.0", upstreamtest.NPMVersion{NoIntegrity: true})
	m.u.NPM("strong", "1.0.0", upstreamtest.NPMVersion{})
	for _, c := range []struct{ setting, refused, taken string }{{"strong", "weak", "strong"}, {"", "none", "weak"}, {"warn", "", "none"}} {
		m.set(func(v *upstreams.Settings) { v.Checksum = c.setting })
		if c.refused != "" {
			m.want(http.StatusBadGateway, "checksum", m.ask(http.MethodGet, tarballOf(c.refused, "1.0.0")))
		}
		m.wants(http.StatusOK, tarballOf(c.taken, "1.0.0"))
	}
}

// TestRemoteMutatedOnce: of the same other bytes the log tells once, also where the registry has another address by now, from which nothing is
// known of the document of before.
func TestRemoteMutatedOnce(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Files: map[string]string{"evil.js": "x"}})
	m.later(3 * time.Hour)
	m.wants(http.StatusOK, "/left-pad")
	must(t, m.MoveRemote("mirror", strings.Replace(m.u.NPMURL(), "127.0.0.1", "localhost", 1), `{}`))
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	if !m.lists("1.1.0") {
		t.Error("the registry is not asked at its new address")
	}
	m.told("mutated up left-pad 1.0.0 left-pad-1.0.0.tgz")
}

// TestRemotesMutated: where two registries have other bytes of a file, each its own, the log tells of each once, however often either of them
// has another document.
func TestRemotesMutated(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	other := upstreamtest.New(t, upstreamtest.Options{})
	_, err := m.Upstreams.Add(m.Admin, "mirror", upstreams.NewUpstream{Name: "other", Type: metadata.UpstreamRemote, Format: formatName, URL: other.NPMURL(),
		Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}, Mode: upstreams.Merge}})
	must(t, err)
	m.set(func(v *upstreams.Settings) { v.Mode = upstreams.Merge })
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Files: map[string]string{"evil.js": "x"}})
	other.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{Files: map[string]string{"evil.js": "another"}})
	for i := range 3 {
		m.later(3 * time.Hour)
		m.wants(http.StatusOK, "/left-pad")
		m.told("mutated up left-pad 1.0.0 left-pad-1.0.0.tgz", "mutated other left-pad 1.0.0 left-pad-1.0.0.tgz")
		for _, u := range []*upstreamtest.Server{m.u, other} {
			u.NPM("left-pad", fmt.Sprintf("1.%d.0", i+1), upstreamtest.NPMVersion{})
		}
	}
	m.MustFsck(t)
}
