package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/registry/registrytest"
	"slipway/storage/local"
	"slipway/web"
)

const canary = "CANARY-93a1f0"

// TestS1: no spelling of "..", slash, backslash or NUL in any path of the API leads out of the store, or breaks the server.
func TestS1(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "canary"), []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	blobs, err := local.New(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	p := prepare(t, formatstest.Options{Core: []registrytest.Option{registrytest.WithBlobs(blobs)}})
	admin := formatstest.As(p.Token("*", "admin"))
	p.routes(func(route formats.Route, method string, e example) {
		if method != http.MethodGet {
			return
		}
		segments := strings.Split(strings.TrimPrefix(strings.Split(e.path, "?")[0], "/"), "/")
		for i := range segments {
			for _, climb := range formatstest.Climbs() {
				for _, up := range []string{climb, strings.Repeat(climb+"/", 6) + "canary", strings.Repeat(climb+"/", 3) + "data/uploads"} {
					path := web.Prefix + "/" + strings.Join(append(append([]string{}, segments[:i]...), up), "/")
					if status, body := p.Raw(t, method, path, admin); strings.Contains(body, canary) || status >= http.StatusInternalServerError {
						t.Errorf("GET %s: %d %q", path, status, body)
					}
				}
			}
		}
	})
}

// TestS8: nothing of the server's own is found behind "//" or "/./".
func TestS8(t *testing.T) {
	p := prepare(t)
	admin := formatstest.As(p.Token("*", "admin"))
	for _, reserved := range []string{"tokens", "users", "repositories/main", "blobs/sha256", "uploads", "tmp", ".slipway"} {
		for _, between := range []string{"//", "/./", "/.//", "/%2e/", "/x/../"} {
			for _, before := range []string{"", web.Prefix, web.Prefix + "/repositories/main"} {
				path := before + between + reserved
				if status, body := p.Raw(t, http.MethodGet, path, admin); status < http.StatusBadRequest {
					t.Errorf("GET %s: %d %q", path, status, body)
				}
			}
		}
	}
}

// TestS10: a repository whose name is percent-encoded is the same one to the rights and to the handler, on every route.
func TestS10(t *testing.T) {
	p := prepare(t)
	callers := map[string]formatstest.As{"anonymous": formatstest.Anonymous, "reader": p.reader, "elsewhere": p.elsewhere}
	p.routes(func(route formats.Route, method string, e example) {
		encoded := e
		encoded.path = strings.Replace(e.path, "/main", "/%6Da%69n", 1)
		if encoded.path == e.path {
			return
		}
		for who, as := range callers {
			plain, res := p.ask(as, method, e, who), p.ask(as, method, encoded, who)
			if res.Status != plain.Status {
				t.Errorf("%s %s %s: %v, but %s is %v", who, method, e.path, plain, encoded.path, res)
			}
		}
	})
}
