package formatstest

import (
	"net/http"
	"slices"
	"testing"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// pulled: who downloaded a version is known to auditors, by whatever repository the bytes were asked for. A HEAD, an answer without bytes and
// a download that was refused are none.
func (s Suite) pulled(t *testing.T) {
	srv := s.group(t)
	at := s.only(t, srv)
	callers := func(at registry.Coordinate) (out []string) {
		t.Helper()
		list, err := srv.Pulls.Of(srv.Admin, at, registry.Page{})
		srv.must(err)
		for _, p := range list {
			if out = append(out, p.Caller); p.FirstAt.IsZero() || p.LastAt.Before(p.FirstAt) {
				t.Errorf("%+v", p)
			}
		}
		return out
	}
	before := callers(at) // who looked at it while the test was set up
	of := func(repository string) Request { return s.Download(repository, "example", "1.0.0") }
	through, direct, looker, stranger := reader(srv, "tom", allRepository, "main"), reader(srv, "dora", "main"), reader(srv, "lou", "main"), reader(srv, "sue", "other")
	for range 2 {
		if res := srv.Do(through, of(allRepository)); res.Status != http.StatusOK {
			t.Errorf("through the group: %v", res)
		}
		if res := srv.Do(direct, of("main")); res.Status != http.StatusOK {
			t.Errorf("of the repository: %v", res)
		}
	}
	head := of("main")
	head.Method = http.MethodHead
	answer := srv.Do(looker, head)
	fresh := of("main").With("If-None-Match", answer.Header.Get("Etag"))
	if res := srv.Do(looker, fresh); res.Status != http.StatusNotModified {
		t.Errorf("a copy is fresh: %v", res)
	}
	if res := srv.Do(stranger, of("main")); res.Status == http.StatusOK {
		t.Errorf("without a right: %v", res)
	}
	got := slices.DeleteFunc(callers(at), func(c string) bool { return slices.Contains(before, c) })
	if want := []string{"token dora of user dora", "token tom of user tom"}; !slices.Equal(got, want) {
		t.Errorf("callers %q, want %q", got, want)
	}
	if _, err := srv.Pulls.Of(access.With(srv.Admin, access.Actor{Type: access.TypeUser, ID: "user:9", Name: "r", Grants: grants([]access.Action{access.Read}, "main")}), at, registry.Page{}); registry.KindOf(err) != registry.Denied {
		t.Errorf("a reader: %v", err)
	}
	s.pulledThrough(t)
}

// pulledThrough: of what a mirror has fetched, its first reader counts too.
func (s Suite) pulledThrough(t *testing.T) {
	format := s.New().Name()
	path, ok := remotePaths[format]
	if !ok {
		return
	}
	origin := s.serverWith(t, Options{AnonymousRead: true})
	s.publish(t, origin, "example", "1.0.0", []byte("PK\x03\x04 content"))
	srv := s.serverWith(t, Options{})
	srv.Remote("mirror", format, origin.URL+path)
	for _, as := range []As{srv.UserToken("ann", 0, grants([]access.Action{access.Read}, "mirror")...), Admin} {
		if res := srv.Do(as, s.Download("mirror", "example", "1.0.0")); res.Status != http.StatusOK {
			t.Errorf("through the mirror: %v", res)
		}
	}
	found, err := srv.Upstreams.Cached(srv.Admin, "mirror", upstreams.CachedQuery{})
	srv.must(err)
	var callers []string
	for _, c := range found {
		list, err := srv.Pulls.Of(srv.Admin, registry.Name{Repository: "mirror", Format: format, Package: c.Key, Display: c.Package}.At(c.Version.Name), registry.Page{})
		srv.must(err)
		for _, p := range list {
			callers = append(callers, p.Caller)
		}
	}
	if !slices.Contains(callers, "token ann of user ann") {
		t.Errorf("callers of the mirror: %q", callers)
	}
}
