package formatstest

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
)

// Suite is what Run needs of a format.
type Suite struct {
	New func() formats.Format
	// Publish is the request that publishes a version whose file has this content.
	Publish func(repository, pkg, version string, content []byte) Request
	// Download is the request for that file.
	Download func(repository, pkg, version string) Request
	// Example is a well-formed request for a route, on a version "1.0.0" of a package "example" in the repository. ok is
	// false for a route that the test does not know, which fails it: no route is left out.
	Example func(route httpserver.Route, method, repository string) (q Request, ok bool)
	// Content makes the published content from the bytes of a test; nil takes them as they are.
	Content func(pkg, version string, seed []byte) []byte
	// Prepare puts there what examples need beside the version; nil: nothing.
	Prepare func(s *Server)
	// Public names the routes that are not behind the common authentication: they concern no repository, or see to
	// credentials themselves.
	Public []string
	// Needs says, for a route and method ("PUT npm.publish"), which rights let a caller in: one of them is enough. A route that
	// is not named needs the right to read, and changes nothing.
	Needs map[string][]access.Action
	// Unchanging names routes that need such a right, and whose example changes nothing.
	Unchanging []string
	// Private names routes whose GET is not for readers.
	Private []string
	// Unpublished names routes whose example is of what no version holds, so that no other repository answers with it.
	Unpublished []string
	// Refusal reports why an answer is not an error in the protocol's own form.
	Refusal func(Response) error
	// AnyBytes names the routes that store whatever they are sent.
	AnyBytes []string
	// Malformed is the status of a GET whose path has "//" (between) behind a well-formed one (before) and
	// in front of a reserved name, where the protocol says that it is not 404. 0, or nil: it is.
	Malformed func(before, between, reserved string) int
	// Documents are well-formed requests beside the examples whose bodies are read, for hostile ones to be made of.
	Documents []Target

	// Listing is the request for a document that lists versions, where no example is one; nil: examples are.
	Listing func(repository, pkg string) Request

	// Volatile matches what documents tell about when and how often a package changed; nil: nothing does.
	Volatile *regexp.Regexp

	// Cells say, for each route that reads, what rules about versions mean for it. A route that is not named fails the test.
	// "download" and "listing" are Download, else Exact, and Listing, else Document.
	Cells map[string]Cell

	// Settings of the repository "main"; for formats that can show what is published at once or later.
	Settings map[string]any

	Created  int // status of a publish
	Again    int // status of the same publish again
	Conflict int // status of another content under the same name
}

// Run checks what all formats share.
func Run(t *testing.T, s Suite) {
	RunRoutes(t, s)
	s = s.defaults()
	t.Run("immutable", s.immutable)
	t.Run("reused", s.reused)
	t.Run("ranges", s.ranges)
	t.Run("conditions", s.conditions)
	t.Run("concurrent", s.concurrent)
	t.Run("D7", s.healed)
	t.Run("D3", s.deployed)
	t.Run("denied bytes", s.deniedBytes)
	t.Run("announced", s.announced)
	t.Run("dots", s.dots)
}

// RunRoutes is the part of Run that walks over the routes, for formats whose versions no single request publishes, or
// can't be changed by one.
func RunRoutes(t *testing.T, s Suite) {
	s = s.defaults()
	t.Run("S24", s.rights)
	t.Run("matrix", s.matrix)
	t.Run("encoded credentials", s.encodedCredentials)
	t.Run("cross site", s.crossSite)
	t.Run("J8", s.otherPages)
	t.Run("foreign publish", s.foreignPublish)
	t.Run("unread", s.unread)
	t.Run("methods", s.methods)
	t.Run("S1", s.traversal)
	t.Run("S8", s.doubledSlash)
	t.Run("S10", s.encodedRepository)
	t.Run("S25", s.forgedHeaders)
	t.Run("S33", func(t *testing.T) {
		t.Run("deleted", s.deleted)
		t.Run("rights end", s.rightsEnd)
		t.Run("rights end meanwhile", s.ended)
	})
	t.Run("S38", s.foreign)
	t.Run("anonymous caching", s.anonymousCaching)
	t.Run("hidden", s.hidden)
	t.Run("restored", s.restored)
	t.Run("reads first", s.readsFirst)
	t.Run("groups", s.groups)
	t.Run("D20", s.ruled)
	t.Run("S35", s.privateMembers)
	t.Run("group writes", s.groupWrites)
	t.Run("promoted", s.promoted)
	t.Run("evicted", s.evicted)
	t.Run("pulled", s.pulled)
	t.Run("mutated", s.mutated)
	t.Run("cache deleted", s.cacheDeleted)
	t.Run("entered", s.entered)
	t.Run("S59", s.secretsInLogs)
	t.Run("hostile", s.hostile)
}

func (s Suite) server(t *testing.T) *Server { return s.serverWith(t, Options{}) }

func (s Suite) serverWith(t *testing.T, o Options) *Server {
	t.Helper()
	srv := NewServer(t, o, s.New())
	srv.Set(s.Settings)
	s.Prepare(srv)
	return srv
}

func (s Suite) defaults() Suite {
	if s.Content == nil {
		s.Content = func(_, _ string, seed []byte) []byte { return seed }
	}
	if s.Prepare == nil {
		s.Prepare = func(*Server) {}
	}
	return s
}

// publish publishes and fails the test unless it is answered with Created.
func (s Suite) publish(t *testing.T, srv *Server, pkg, version string, seed []byte) []byte {
	t.Helper()
	content := s.Content(pkg, version, seed)
	if res := srv.Do(Admin, s.Publish("main", pkg, version, content)); res.Status != s.Created {
		t.Fatalf("publish %s %s: %v, want %d", pkg, version, res, s.Created)
	}
	return content
}

// walk calls fn in a subtest with an example of every route and method of the format.
func (s Suite) walk(t *testing.T, srv *Server, repository string, fn func(t *testing.T, route httpserver.Route, q Request)) {
	t.Helper()
	s.examples(t, srv, repository, func(route httpserver.Route, q Request) {
		t.Run(q.Method+" "+route.Name, func(t *testing.T) { fn(t, route, q) })
	})
}

func (s Suite) examples(t *testing.T, srv *Server, repository string, fn func(route httpserver.Route, q Request)) {
	t.Helper()
	format := s.New().Name()
	seen := 0
	err := srv.Router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		route, ok := httpserver.RouteOf(r.GetHandler())
		if !ok || route.Format != format {
			return nil
		}
		methods, err := r.GetMethods()
		if err != nil {
			return fmt.Errorf("route %s has no methods: %w", route.Name, err)
		}
		for _, method := range methods {
			seen++
			q, ok := s.Example(route, method, repository)
			if !ok {
				t.Errorf("no example for %s %s", method, route.Name)
				continue
			}
			q.Method = method
			fn(route, q)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatalf("the router has no route of format %s", format)
	}
}

func (s Suite) immutable(t *testing.T) {
	srv := s.server(t)
	first := s.publish(t, srv, "example", "1.0.0", []byte("first"))
	if res := srv.Do(Admin, s.Publish("main", "example", "1.0.0", first)); res.Status != s.Again {
		t.Errorf("the same again: %v, want %d", res, s.Again)
	}
	other := s.Content("example", "1.0.0", []byte("other"))
	if res := srv.Do(Admin, s.Publish("main", "example", "1.0.0", other)); res.Status != s.Conflict {
		t.Errorf("other content: %v, want %d", res, s.Conflict)
	}
	if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, first) {
		t.Errorf("download: %v, want the first content", res)
	}
	srv.MustFsck(t)
}

// reused: where the name of what was deleted can be used again, caches are not told that it never gets other bytes.
func (s Suite) reused(t *testing.T) {
	srv := s.server(t)
	srv.Set(map[string]any{registry.AllowReuse.Name: true})
	s.publish(t, srv, "example", "1.0.0", []byte("first"))
	q := s.Download("main", "example", "1.0.0")
	first := srv.Do(Admin, q)
	if first.Status != http.StatusOK {
		t.Fatal(first)
	}
	srv.must(srv.Publisher.Delete(srv.Admin, s.only(t, srv), "test"))
	s.publish(t, srv, "example", "1.0.0", []byte("other"))
	kept := strings.Contains(first.Header.Get("Cache-Control"), "immutable")
	if now := srv.Do(Admin, q); kept && now.Status == http.StatusOK && !bytes.Equal(now.Body, first.Body) {
		t.Errorf("%q was said of bytes that changed: %v", first.Header.Get("Cache-Control"), now)
	}
}

// anonymousCaching is one rule for all formats: an answer to a caller who has logged in is private; a document that everybody may read is
// kept by any cache that asks again each time; bytes that are kept without asking are kept by the reader alone, so that what is deleted
// is gone.
func (s Suite) anonymousCaching(t *testing.T) {
	srv := s.serverWith(t, Options{AnonymousRead: true})
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	documents := 0
	check := func(t *testing.T, q Request) {
		t.Helper()
		member, stranger := srv.Do(Admin, q), srv.Do(Anonymous, q)
		if member.Status >= http.StatusBadRequest || stranger.Status >= http.StatusBadRequest {
			return
		}
		private, public := member.Header.Get("Cache-Control"), stranger.Header.Get("Cache-Control")
		switch {
		case private == "private, no-cache" && public == "no-cache":
			documents++
		case private != public || private != "" && private != "no-store" && !strings.HasPrefix(private, "private, max-age="):
			t.Errorf("%s: %q, and without credentials %q", q.Path, private, public)
		}
	}
	s.walk(t, srv, registry.DefaultRepository, func(t *testing.T, _ httpserver.Route, q Request) {
		if q.Method == http.MethodGet || q.Method == http.MethodHead {
			check(t, q)
		}
	})
	if s.Listing != nil {
		check(t, s.Listing(registry.DefaultRepository, "example"))
	}
	if documents == 0 {
		t.Error("no document was asked for")
	}
}

func (s Suite) methods(t *testing.T) {
	srv := s.server(t)
	q := s.Download("main", "example", "1.0.0")
	q.Method = "BREW"
	res := srv.Do(Admin, q)
	if res.Status != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
		t.Errorf("a method that does not exist: %v, Allow %q", res, res.Header.Get("Allow"))
	}
}

// announced: a body that has not the sum which a header announces is refused, and nothing of it is stored.
func (s Suite) announced(t *testing.T) {
	srv := s.server(t)
	q := s.Publish("main", "example", "1.0.0", s.Content("example", "1.0.0", []byte("content")))
	sum := sha1.Sum(q.Body)
	for header, wrong := range map[string]string{
		"Content-MD5": base64.StdEncoding.EncodeToString(make([]byte, 16)), "X-Checksum-Sha1": strings.Repeat("0", 40), "X-Checksum-Sha256": strings.Repeat("0", 64),
		"Repr-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + ":", "X-Checksum-Md5": "no sum",
	} {
		res := srv.Do(Admin, q.With(header, wrong))
		if res.Status != http.StatusBadRequest || s.Refusal != nil && s.Refusal(res) != nil {
			t.Errorf("%s: %v, want 400", header, res)
		}
	}
	if res := srv.Do(Admin, s.Download("main", "example", "1.0.0")); res.Status != http.StatusNotFound {
		t.Errorf("a body with another sum was stored: %v", res)
	}
	if res := srv.Do(Admin, q.With("X-Checksum-Sha1", hex.EncodeToString(sum[:]))); res.Status != s.Created {
		t.Errorf("with its sum: %v, want %d", res, s.Created)
	}
	srv.MustFsck(t)
}

// dots: a "." segment is nothing, ".." is refused.
func (s Suite) dots(t *testing.T) {
	srv := s.server(t)
	dotted := func(q Request, dots string) Request {
		at := strings.Index(q.Path[1:], "/") + 1
		q.Path = q.Path[:at] + dots + q.Path[at:]
		return q
	}
	content := s.Content("example", "1.0.0", []byte("content"))
	q := dotted(s.Publish("main", "example", "1.0.0", content), "/.")
	if res := srv.exactly(t, As(srv.admin), q); res.Status != s.Created {
		t.Errorf("%s: %v, want %d", q.Path, res, s.Created)
	}
	for _, dots := range []string{"/.", "/%2e", "/%2E/."} {
		q := dotted(s.Download("main", "example", "1.0.0"), dots)
		if res := srv.exactly(t, As(srv.admin), q); res.Status != http.StatusOK || !bytes.Equal(res.Body, content) {
			t.Errorf("%s: %v", q.Path, res)
		}
	}
	for _, up := range []string{"/x/..", "/x/%2e%2e", "/%2e./x"} {
		q := dotted(s.Download("main", "example", "1.0.0"), up)
		if res := srv.exactly(t, As(srv.admin), q); res.Status != http.StatusBadRequest && res.Status != http.StatusNotFound {
			t.Errorf("%s: %v", q.Path, res)
		}
	}
}
