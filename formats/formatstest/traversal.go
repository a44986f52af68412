package formatstest

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/local"
)

// canary is the content of a file that lies beside the data directory and must never be answered.
const canary = "CANARY-4be1d7"

// climbs are ways to write "..", separators and the end of a string that a path must not survive.
var climbs = []string{
	"..", "%2e%2e", "%2E%2e", "%252e%252e", ".%2e", "%2e.", ".%252e", "..%2f", "%2f..%2f", "%2F%2F..%2F", "%2f%2e%2e%2f", "..%252f", "..\\", "..%5c", "%5c..%5c",
	"..%255c", "%c0%ae%c0%ae", ".%c0%ae", "%c0%af", "..%c0%af", "%e0%80%ae", "%f0%80%80%ae", "%00", "..%00", "%2500", "%252f..%252f", "..;", "%ef%bc%8e%ef%bc%8e",
	"%u002e%u002e", ".", "%2e", "",
}

// Climbs are ways to write "..", separators and the end of a string that a path must not survive.
func Climbs() []string { return slices.Clone(climbs) }

// pieces are what Mixed puts together: separators, dots, ends of a string and a way down, in every spelling.
var pieces = append([]string{"/", "//", "\\", "%2f", "%5c", "%252f", "%252e", "..", ".", "x", "canary", "data", "uploads"}, climbs...)

// Mixed puts a path together from spellings of all kinds, the same one for each n.
func Mixed(n uint64) string {
	rnd := rand.New(rand.NewPCG(n, 1))
	var b strings.Builder
	for range 1 + rnd.IntN(12) {
		b.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return b.String() + []string{"", "/canary", "%2fcanary", "%5ccanary"}[rnd.IntN(4)]
}

// Raw sends a path exactly as it is written, which http.Client would refuse or clean.
func (s *Server) Raw(t *testing.T, method, path string, as As) (status int, body string) {
	t.Helper()
	res := s.exactly(t, as, Request{Method: method, Path: path})
	return res.Status, string(res.Body)
}

// deepest is how far up it is from the deepest folder of a store on files to the canary.
const deepest = 5

// traversal is S-1: no spelling of "..", slash, backslash or NUL in any path leads out of the store.
func (s Suite) traversal(t *testing.T) {
	c := NewCanary(t)
	srv := s.serverWith(t, Options{Core: []registrytest.Option{registrytest.WithBlobs(c.Store)}})
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	s.walk(t, srv, "main", func(t *testing.T, _ httpserver.Route, q Request) {
		path, _, _ := strings.Cut(strings.TrimPrefix(q.Path, "/"), "?")
		c.Climb(t, srv, q.Method, strings.Split(path, "/"))
	})
	c.Check(t)
}

// Canary is a file beside the data directory of a store, which nobody may read through a server or change.
type Canary struct {
	Store storage.Store // asked for digests and for uploads of the core alone
	dir   string
	asked map[string]bool
}

// NewCanary puts one beside a store on files.
func NewCanary(t *testing.T) *Canary {
	t.Helper()
	c := &Canary{dir: t.TempDir(), asked: map[string]bool{}}
	if err := os.WriteFile(filepath.Join(c.dir, "canary"), []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	blobs, err := local.New(filepath.Join(c.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	c.Store = Keyed(blobs, t)
	return c
}

// Climb asks for what lies above each segment of a path.
func (c *Canary) Climb(t *testing.T, srv *Server, method string, segments []string) {
	t.Helper()
	try := func(path string) {
		if c.asked[method+path] {
			return // routes begin alike
		}
		c.asked[method+path] = true
		if !Sampled(len(c.asked)) {
			return
		}
		if status, body := srv.Raw(t, method, path, As(srv.admin)); strings.Contains(body, canary) || status >= http.StatusInternalServerError {
			t.Errorf("%s %s: %d %q", method, path, status, body)
		}
	}
	for i := range segments {
		base := "/" + strings.Join(segments[:i], "/")
		for _, climb := range climbs {
			try(base + "/" + climb)
			for up := 1; up <= deepest; up++ {
				try(base + "/" + strings.Repeat(climb+"/", up) + "canary")
			}
			try(base + "/" + strings.Repeat(climb, deepest) + "canary")
		}
		for n := range uint64(20) {
			try(base + "/" + Mixed(n))
		}
	}
}

// Check fails the test unless everything beside the data directory is as it was.
func (c *Canary) Check(t *testing.T) {
	t.Helper()
	there, err := os.ReadDir(c.dir)
	if err != nil || len(there) != 2 {
		t.Errorf("beside the data directory there is %v %v", there, err)
	}
	if b, err := os.ReadFile(filepath.Join(c.dir, "canary")); err != nil || string(b) != canary {
		t.Errorf("the canary is %q %v", b, err)
	}
}

// reserved are paths of the server's own, in its URLs and in its data directory.
var reserved = []string{
	"metrics", "livez", "readyz", "api/v1/tokens", "api/v1/users", "raw/main/", ".slipway", "slipway.db", "slipway.db-wal", "packs", "blobs/sha256", "uploads", "tmp",
}

// doubledSlash is S-8: nothing of the server's own is found behind "//" or "/./", at the root or anywhere in a repository:
// 404, but for what Malformed says. Behind the first segment "." is nothing: the path is answered as it is without.
func (s Suite) doubledSlash(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	asked := map[string]bool{}
	ask := func(t *testing.T, q Request, before, between, reserved string, want int) {
		t.Helper()
		path := before + between + reserved
		if asked[q.Method+path] {
			return
		}
		asked[q.Method+path] = true
		if !Sampled(len(asked)) {
			return
		}
		if plain := strings.NewReplacer("/.", "", "/%2e", "").Replace(between); before != "" && plain != between {
			if want, _ = srv.Raw(t, q.Method, before+plain+reserved, As(srv.admin)); want < http.StatusMultipleChoices {
				t.Errorf("%s %s: %d", q.Method, before+plain+reserved, want)
			}
		}
		if status, body := srv.Raw(t, q.Method, path, As(srv.admin)); status != want {
			t.Errorf("%s %s: %d %q, want %d", q.Method, path, status, body, want)
		}
	}
	s.walk(t, srv, registry.DefaultRepository, func(t *testing.T, _ httpserver.Route, q Request) {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			return
		}
		path, _, _ := strings.Cut(strings.TrimPrefix(q.Path, "/"), "?")
		segments := strings.Split(path, "/")
		for _, reserved := range reserved {
			for _, between := range []string{"//", "/./", "/.//", "/%2e/"} {
				ask(t, q, "", between, reserved, http.StatusNotFound)
				for i := slices.Index(segments, registry.DefaultRepository) + 1; i > 0 && i <= len(segments); i++ {
					want := http.StatusNotFound
					before := "/" + strings.Join(segments[:i], "/")
					if s.Malformed != nil && s.Malformed(before, between, reserved) != 0 {
						want = s.Malformed(before, between, reserved)
					}
					ask(t, q, before, between, reserved, want)
				}
			}
		}
	})
}

// encodedRepository is S-10: a repository whose name is percent-encoded is the same one to the rights and to the handler,
// and one that is encoded twice is no other one's name.
func (s Suite) encodedRepository(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	callers := map[string]As{
		"anonymous": Anonymous, "elsewhere": As(srv.Token(OtherRepository, access.Read, access.Publish, access.Delete, access.Tag)),
		"reader": As(srv.ReadToken("main")), "admin": Admin,
	}
	s.walk(t, srv, "main", func(t *testing.T, route httpserver.Route, q Request) {
		for who, as := range callers {
			if as == Admin && mutating(q.Method) {
				continue // the second one finds what the first one did
			}
			plain := srv.Do(as, q)
			for _, spelling := range []string{"/%6Da%69n", "/%6dai%6e", "/%6d%61%69%6e"} {
				encoded := q
				encoded.Path = strings.Replace(q.Path, "/main", spelling, 1)
				if encoded.Path == q.Path {
					return // the route has no repository in its path
				}
				res := srv.Do(as, encoded)
				same := plain.Status == http.StatusCreated || withoutID.ReplaceAllString(string(res.Body), "") == withoutID.ReplaceAllString(string(plain.Body), "")
				if res.Status != plain.Status || !same {
					t.Errorf("%s: %s is %v, %s is %v", who, q.Path, plain, encoded.Path, res)
				}
			}
			twice := q
			twice.Path = strings.Replace(q.Path, "/main", "/%256Da%2569n", 1)
			if res := srv.Do(as, twice); !route.Public && res.Status < http.StatusBadRequest {
				t.Errorf("%s: %s is %v", who, twice.Path, res)
			}
		}
	})
}
