package formatstest

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"slipway/internal/httpserver"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// allRepository is a repository that answers from "main" and OtherRepository.
const allRepository = "all"

// group makes allRepository.
func (s Suite) group(t *testing.T) *Server {
	t.Helper()
	srv := s.emptyGroup(t, upstreams.Settings{})
	s.publish(t, srv, "example", "1.0.0", []byte("first"))
	return srv
}

// emptyGroup makes allRepository with settings of its upstream "main".
func (s Suite) emptyGroup(t *testing.T, settings upstreams.Settings) *Server {
	t.Helper()
	srv := s.server(t)
	_, err := srv.Core.UpdateRepository(srv.Admin, OtherRepository, registry.RepositoryChange{Settings: s.Settings})
	srv.must(err)
	var list []upstreams.NewUpstream
	for _, name := range []string{registry.DefaultRepository, OtherRepository} {
		list = append(list, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name})
	}
	list[0].Settings = settings
	_, err = srv.Core.CreateRepository(srv.Admin, allRepository, registry.RepositoryChange{Also: srv.Upstreams.Replacing(srv.Admin, list)})
	srv.must(err)
	return srv
}

// reader returns a token that may read repositories.
func reader(srv *Server, name string, repositories ...string) As {
	var grants []access.Grant
	for _, r := range repositories {
		grants = append(grants, access.Grant{Repository: r, Actions: []access.Action{access.Read}})
	}
	return srv.UserToken(name, 0, grants...)
}

// reads calls fn with what every route answers to a reader in "main", and the same request in allRepository.
func (s Suite) reads(t *testing.T, srv *Server, as As, fn func(route httpserver.Route, want Response, q Request)) {
	t.Helper()
	n := 0
	s.examples(t, srv, registry.DefaultRepository, func(route httpserver.Route, q Request) {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			return
		}
		through, _ := s.Example(route, q.Method, allRepository)
		through.Method = q.Method
		want := srv.Do(as, q)
		if through.Path == q.Path || want.Status != http.StatusOK || slices.Contains(s.Unpublished, route.Name) {
			return // of no repository, or not for readers
		}
		n++
		fn(route, want, through)
	})
	if n == 0 {
		t.Error("no route was asked")
	}
}

var eitherName = regexp.MustCompile(`\b(` + registry.DefaultRepository + `|` + allRepository + `)\b`)

// withoutName is a document without the name of the repository that it was asked from.
func withoutName(body []byte) []byte { return eitherName.ReplaceAll(body, nil) }

// groups: through a repository that answers from others, clients read what these have: the same bytes, with the same conditions and
// ranges, and each change at once.
func (s Suite) groups(t *testing.T) {
	srv := s.group(t)
	as := reader(srv, "gina", registry.DefaultRepository, OtherRepository, allRepository)
	s.reads(t, srv, as, func(route httpserver.Route, want Response, q Request) {
		got := srv.Do(as, q)
		if got.Status != want.Status || !bytes.Equal(withoutName(got.Body), withoutName(want.Body)) || got.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
			t.Errorf("%s %s: %v, want %v", q.Method, q.Path, got, want)
			return
		}
		if tag := got.Header.Get("ETag"); tag != "" {
			if res := srv.Do(as, q.With("If-None-Match", tag)); res.Status != http.StatusNotModified {
				t.Errorf("%s %s: %v, want 304", q.Method, route.Name, res)
			}
		}
		if q.Method == http.MethodGet && got.Header.Get("Accept-Ranges") == "bytes" && len(got.Body) > 2 {
			if res := srv.Do(as, q.With("Range", "bytes=1-2")); res.Status != http.StatusPartialContent || !bytes.Equal(res.Body, got.Body[1:3]) {
				t.Errorf("a range of %s: %v", route.Name, res)
			}
		}
	})
	have := func(version string, seed []byte) bool {
		res := srv.Do(as, s.Download(allRepository, "example", version))
		return res.Status == http.StatusOK && bytes.Equal(res.Body, s.Content("example", version, seed))
	}
	s.publish(t, srv, "example", "1.1.0", []byte("more"))
	if !have("1.1.0", []byte("more")) {
		t.Error("what was published to a member is not there")
	}
	if res := srv.Do(Admin, s.Publish(OtherRepository, "example", "2.0.0", s.Content("example", "2.0.0", []byte("other")))); res.Status != s.Created {
		t.Fatal(res)
	}
	if merged := s.New().Rules().Merge; have("2.0.0", []byte("other")) != merged {
		t.Errorf("the version of the second place is there: %v, want %v", !merged, merged)
	}
	srv.must(srv.Upstreams.Order(srv.Admin, allRepository, []string{OtherRepository, registry.DefaultRepository}))
	if !have("2.0.0", []byte("other")) {
		t.Error("the version of the first place is not there")
	}
	srv.MustFsck(t)
}

// privateMembers: a member that the caller may not read is not there, until its administrator opens it.
func (s Suite) privateMembers(t *testing.T) {
	srv := s.group(t)
	both, only := reader(srv, "gina", registry.DefaultRepository, allRepository), reader(srv, "olaf", allRepository)
	open := func(through bool) {
		_, err := srv.Upstreams.Change(srv.Admin, allRepository, registry.DefaultRepository, func(v upstreams.Settings) (upstreams.Settings, error) {
			v.Through = through
			return v, nil
		})
		srv.must(err)
	}
	for _, through := range []bool{false, true, false} {
		open(through)
		s.reads(t, srv, both, func(_ httpserver.Route, want Response, q Request) {
			mine, member := srv.Do(only, q), srv.Do(both, q)
			switch about := bytes.Contains(member.Body, []byte("1.0.0")); {
			case through && (mine.Status != member.Status || about && !bytes.Equal(mine.Body, member.Body)):
				t.Errorf("%s %s: %v, want %v", q.Method, q.Path, mine, member)
			case !through && mine.Status == http.StatusOK && bytes.Contains(mine.Body, []byte("1.0.0")):
				t.Errorf("%s %s shows what a private member has: %v", q.Method, q.Path, mine)
			}
		})
		want := http.StatusNotFound
		if through {
			want = http.StatusOK
		}
		if res := srv.Do(only, s.Download(allRepository, "example", "1.0.0")); res.Status != want {
			t.Errorf("through %v: %v, want %d", through, res, want)
		}
	}
}
