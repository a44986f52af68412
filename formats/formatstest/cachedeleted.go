package formatstest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"slipway/registry"
	"slipway/registry/ledger"
	"slipway/registry/upstreams"
)

// cacheDeleted: a version that came from a remote and is deleted, or let come again, is told of below "cache.", so that who deploys what is
// published hears nothing of it; of one that was promoted it is said as of one that was published.
func (s Suite) cacheDeleted(t *testing.T) {
	format := s.New().Name()
	path, ok := remotePaths[format]
	if !ok {
		return
	}
	origin := s.serverWith(t, Options{AnonymousRead: true})
	for _, v := range []string{"1.0.0", "2.0.0"} {
		s.publish(t, origin, "example", v, []byte("PK\x03\x04 content of "+v))
	}
	srv := s.serverWith(t, Options{})
	srv.Remote("mirror", format, origin.URL+path)
	get := func(repository string, status int) {
		t.Helper()
		if res := srv.Do(Admin, s.Download(repository, "example", "2.0.0")); res.Status != status {
			t.Errorf("%v, want %d", res, status)
		}
	}
	for _, v := range []string{"1.0.0", "2.0.0"} {
		if res := srv.Do(Admin, s.Download("mirror", "example", v)); res.Status != http.StatusOK {
			t.Fatal(res)
		}
	}
	files, err := srv.Upstreams.Cached(srv.Admin, "mirror", upstreams.CachedQuery{})
	srv.must(err)
	at := registry.Name{Repository: "mirror", Format: format, Package: files[0].Key, Display: files[0].Package}.At("2.0.0")
	_, _, err = srv.Upstreams.Promote(srv.Admin, at, "main", nil)
	srv.must(err)
	told := func(after int64, want ...string) {
		t.Helper()
		list, _, err := srv.Ledger.Events(srv.Admin, ledger.EventQuery{After: after})
		srv.must(err)
		var got []string
		for _, e := range list {
			var d registry.EventData
			srv.must(json.Unmarshal(e.Data, &d))
			text := strings.TrimSuffix(strings.TrimPrefix(e.Type, "dev.slipway."), ".v1") + " " + d.Version
			if d.Upstream != nil {
				text += " of " + d.Upstream.Name
			}
			if len(d.Files) == 0 {
				text += " without its file"
			}
			got = append(got, text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
	}
	after := srv.logSize() - 1
	srv.must(srv.Publisher.Delete(srv.Admin, at, "not this one"))
	told(after, "cache.deleted 2.0.0 of up")
	get("mirror", http.StatusNotFound)
	srv.MustFsck(t)
	_, v, err := srv.Upstreams.Restore(srv.Admin, at, "after all")
	srv.must(err)
	if v.State != registry.Published {
		t.Errorf("restored: %+v", v)
	}
	told(after, "cache.deleted 2.0.0 of up", "cache.restored 2.0.0 of up")
	get("mirror", http.StatusOK)
	if _, _, err := srv.Upstreams.Restore(srv.Admin, at, ""); registry.KindOf(err) != registry.Conflict || err == nil {
		t.Errorf("restored again: %v", err)
	}
	srv.MustFsck(t)

	at.Repository = "main"
	after = srv.logSize() - 1
	srv.must(srv.Publisher.Delete(srv.Admin, at, ""))
	list, _, err := srv.Ledger.Events(srv.Admin, ledger.EventQuery{After: after, Types: []string{"artifact.deleted"}})
	srv.must(err)
	if len(list) != 1 {
		t.Errorf("the deletion of what was promoted is told %d times", len(list))
	}
	if _, _, err := srv.Upstreams.Restore(srv.Admin, at, ""); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("what was promoted did not come from a remote: %v", err)
	}
	srv.MustFsck(t)
}
