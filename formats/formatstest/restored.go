package formatstest

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// restored: a version that was deleted and is restored, and a repository likewise, are served as before: every document and file of
// the format is byte for byte what it was, once the tags that ended with a version are set again; and no cache that has seen the
// state in between takes that for what is there.
func (s Suite) restored(t *testing.T) {
	srv := s.serverWith(t, Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.DeletedGrace = time.Hour })}})
	content := s.publish(t, srv, "example", "1.0.0", []byte("first"))
	at := s.only(t, srv)
	s.publish(t, srv, "example", "2.0.0", []byte("second"))
	tags, err := srv.Catalog.Tags(srv.Admin, at.Name)
	srv.must(err)
	retag := func() {
		t.Helper()
		for _, tag := range tags {
			_, err := srv.Publisher.SetTag(srv.Admin, at.Name, tag.Name, publish.TagChange{Version: tag.Version})
			srv.must(err)
		}
	}
	was := s.answers(t, srv)

	srv.must(srv.Publisher.Delete(srv.Admin, at, "test"))
	if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); res.Status != http.StatusNotFound {
		t.Errorf("the deleted version: %v, want 404", res)
	}
	between := s.answers(t, srv)
	if s.differ(was, between) == 0 {
		t.Error("no document differs without the version: the test proves nothing")
	}
	_, _, err = srv.Publisher.Restore(srv.Admin, at, "test")
	srv.must(err)
	retag()
	s.same(t, srv, "the version", was, between)
	if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, content) {
		t.Errorf("the restored version: %v", res)
	}

	versions, err := srv.Catalog.Versions(srv.Admin, at.Name, catalog.VersionQuery{})
	srv.must(err)
	tags, err = srv.Catalog.Tags(srv.Admin, at.Name)
	srv.must(err)
	was = s.answers(t, srv)
	for _, v := range versions { // a repository that holds versions is not deleted
		srv.must(srv.Publisher.Delete(srv.Admin, at.Name.At(v.Name), "test"))
	}
	for path, left := range s.answers(t, srv) { // what belongs to no version, such as a blob that was just sent, is not restored
		if left.res.Status == http.StatusOK && bytes.Equal(left.res.Body, was[path].res.Body) {
			delete(was, path)
		}
	}
	srv.must(srv.Maintain.DeleteRepository(srv.Admin, registry.DefaultRepository))
	between = s.answers(t, srv)
	_, err = srv.Maintain.RestoreRepository(srv.Admin, registry.DefaultRepository)
	srv.must(err)
	for _, v := range versions {
		_, _, err := srv.Publisher.Restore(srv.Admin, at.Name.At(v.Name), "test")
		srv.must(err)
	}
	retag()
	s.same(t, srv, "the repository", was, between)
	srv.MustFsck(t)
}

// answer is how a document or file was served.
type answer struct {
	q   Request
	res Response
}

// answers asks for everything that the examples and the listing name.
func (s Suite) answers(t *testing.T, srv *Server) map[string]answer {
	t.Helper()
	out := map[string]answer{}
	ask := func(q Request) {
		out[q.Path] = answer{q, srv.Do(Admin, q)}
	}
	s.examples(t, srv, registry.DefaultRepository, func(route httpserver.Route, q Request) {
		if q.Method == http.MethodGet && !slices.Contains(s.Public, route.Name) {
			ask(q)
		}
	})
	if s.Listing != nil {
		ask(s.Listing(registry.DefaultRepository, "example"))
	}
	ask(s.Download(registry.DefaultRepository, "example", "2.0.0"))
	return out
}

// differ counts the documents that are not served as they were.
func (s Suite) differ(was, now map[string]answer) (n int) {
	for path, a := range was {
		if a.res.Status == http.StatusOK && (now[path].res.Status != http.StatusOK || !bytes.Equal(s.steady(a.res.Body), s.steady(now[path].res.Body))) {
			n++
		}
	}
	return n
}

// steady is a body without what tells when or how often the package changed.
func (s Suite) steady(body []byte) []byte {
	if s.Volatile != nil {
		body = s.Volatile.ReplaceAll(body, nil)
	}
	return body
}

// same compares what is served now with what was, and asks as the caches do that keep what was served then, and in between.
func (s Suite) same(t *testing.T, srv *Server, what string, was, between map[string]answer) {
	t.Helper()
	for path, now := range s.answers(t, srv) {
		if _, compared := was[path]; !compared {
			continue
		}
		former, gone := was[path].res, between[path].res
		if now.res.Status != former.Status || now.res.Header.Get("Content-Type") != former.Header.Get("Content-Type") ||
			former.Status == http.StatusOK && !bytes.Equal(s.steady(now.res.Body), s.steady(former.Body)) {
			t.Errorf("%s is restored, %s: %v\n%s\nand was %v\n%s", what, path, now.res, now.res.Body, former, former.Body)
		}
		for when, kept := range map[string]Response{"before the deletion": former, "while it was gone": gone} {
			tag := kept.Header.Get("ETag")
			if kept.Status != http.StatusOK || tag == "" {
				continue
			}
			if res := srv.Do(Admin, now.q.With("If-None-Match", tag)); res.Status == http.StatusNotModified && !bytes.Equal(kept.Body, now.res.Body) {
				t.Errorf("%s is restored, %s: a cache that has it from %s is told that it has not changed", what, path, when)
			}
		}
	}
}
