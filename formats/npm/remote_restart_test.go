package npm

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
)

// cached is the row of a file that entered from a remote.
func (m *faulty) cached(name, version string) metadata.CachedFile {
	m.t.Helper()
	var out metadata.CachedFile
	must(m.t, m.Metadata.View(m.t.Context(), func(tx metadata.Tx) error {
		v, err := tx.Versions().VersionAt("mirror", formatName, name, version)
		if err == nil {
			out, err = tx.Caches().CachedFile(v.ID, name+"-"+version+".tgz")
		}
		return err
	}))
	return out
}

// TestRemoteRestart: after a restart, documents and files that are here are answered as before, also while the registry is away, and the
// registry is not asked before the time of the document is over.
func TestRemoteRestart(t *testing.T) {
	m := newFaulty(t, formatstest.Options{Local: true})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	before, address := m.wants(http.StatusOK, "/left-pad"), m.URL
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.restart()
	content := func(res formatstest.Response) string {
		_, rest, _ := strings.Cut(string(res.Body), `"name":`) // behind the revision
		return strings.ReplaceAll(rest, address, m.URL)
	}
	after := m.wants(http.StatusOK, "/left-pad")
	if content(after) != content(before) || !strings.Contains(string(after.Body), `"created":"2024-01-01T00:00:00.000Z"`) {
		t.Errorf("before %s\nafter %s", before.Body, after.Body)
	}
	m.u.AskedOnce(t, "GET", "/npm/left-pad")

	m.u.Origin.Down()
	m.restart()
	m.later(3 * time.Hour)
	m.wants(http.StatusOK, "/left-pad")
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.wants(http.StatusServiceUnavailable, "/other")
	m.u.Origin.Up(t)
	m.later(3 * time.Hour)
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	if res := m.wants(http.StatusOK, "/left-pad"); !strings.Contains(string(res.Body), `"1.1.0"`) {
		t.Errorf("once the registry is back: %s", res.Body)
	}
	m.MustFsck(t)
}

// TestRemoteFirstSeen: what the first document of a package lists is as old as it says; what a later one lists has its own time, also
// after restarts and while copies of the registry differ, and a change of its sums makes it a new thing.
func TestRemoteFirstSeen(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.restart()
	m.later(3 * time.Hour)
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	seen := m.Core.Now()
	m.later(3 * time.Hour)
	m.u.NPMRemove("left-pad", "1.1.0")
	m.wants(http.StatusOK, "/left-pad")
	m.restart()
	m.later(3 * time.Hour)
	m.u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
	m.wants(http.StatusOK, tarballOf("left-pad", "1.1.0"))
	if at := m.cached("left-pad", "1.0.0").FirstSeenAt; !at.IsZero() {
		t.Errorf("a version of the first document was first seen at %s", at)
	}
	if at := m.cached("left-pad", "1.1.0").FirstSeenAt; at.Sub(seen).Abs() > time.Millisecond {
		t.Errorf("a later version was first seen at %s, not %s", at, seen)
	}
}

// TestRemoteOtherAddress: what a registry said says nothing of one at another address.
func TestRemoteOtherAddress(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	m.u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	m.wants(http.StatusOK, "/left-pad")
	must(t, m.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		list, err := tx.Upstreams().Upstreams()
		if err == nil {
			list[0].URL = m.u.URL + "/elsewhere/"
			err = tx.Upstreams().UpdateUpstream(list[0])
		}
		return err
	}))
	m.wants(http.StatusNotFound, "/left-pad")
	m.restart()
	m.wants(http.StatusNotFound, "/left-pad")
}

// TestRemovalWithoutDocument: after a restart, the document of the registry, which may be large, is not read for files that are here and that
// it never lost.
func TestRemovalWithoutDocument(t *testing.T) {
	m := newFaulty(t, formatstest.Options{})
	names, versions := []string{"left-pad", "other"}, []string{"1.0.0", "1.1.0"}
	for _, enter := range []bool{false, true} {
		for _, name := range names {
			for _, version := range versions {
				if enter {
					m.wants(http.StatusOK, tarballOf(name, version))
				} else {
					m.u.NPM(name, version, upstreamtest.NPMVersion{})
				}
			}
		}
	}
	m.u.NPMRemove("left-pad", "1.1.0")
	m.later(3 * time.Hour)
	m.wants(http.StatusOK, "/left-pad")
	m.restart()
	list, err := m.Upstreams.List(m.Admin, "mirror")
	must(t, err)
	for _, name := range names {
		must(t, m.Metadata.View(t.Context(), func(tx metadata.Tx) error {
			row, err := tx.Caches().Index(list[0].ID, formatName, name)
			if err == nil {
				err = m.Blobs.Delete(t.Context(), row.Body.Digest)
			}
			return err
		}))
	}
	for range 2 {
		m.wants(http.StatusOK, tarballOf("left-pad", "1.0.0"))
		m.wants(http.StatusOK, tarballOf("other", "1.1.0"))
	}
	if log := m.Log(); strings.Contains(log, "can't be read") {
		t.Errorf("a document was read:\n%s", log)
	}
}
