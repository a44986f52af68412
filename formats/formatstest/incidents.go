package formatstest

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/registrytest"
	"slipway/storage/local"
	"slipway/storage/mem"
)

// canary is the content of a file that lies beside the data directory and must never be answered.
const canary = "CANARY-4be1d7"

// climbs are ways to write "..", separators and the end of a string that a path must not survive.
var climbs = []string{
	"..", "%2e%2e", "%2E%2e", "%252e%252e", ".%2e", "..%2f", "%2f..%2f", "%2F%2F..%2F", "..%5c", "%5c..%5c", "..%255c", "%c0%ae%c0%ae",
	"%c0%af", "%e0%80%ae", "%00", "..%00", "%252f..%252f", "..;", "%ef%bc%8e%ef%bc%8e", "%u002e%u002e", ".", "%2e", "",
}

// Climbs are ways to write "..", separators and the end of a string that a path must not survive.
func Climbs() []string { return slices.Clone(climbs) }

// Raw sends a path exactly as it is written, which http.Client would refuse or clean.
func (s *Server) Raw(t *testing.T, method, path string, as As) (status int, body string) {
	t.Helper()
	res := s.exactly(t, as, Request{Method: method, Path: path})
	return res.Status, string(res.Body)
}

// traversal is S-1: no spelling of "..", slash, backslash or NUL in any path leads out of the store.
func (s Suite) traversal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "canary"), []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	blobs, err := local.New(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	srv := s.serverWith(t, Options{Core: []registrytest.Option{registrytest.WithBlobs(blobs)}})
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	admin := As(srv.admin)
	s.walk(t, srv, "main", func(t *testing.T, _ formats.Route, q Request) {
		if q.Method != http.MethodGet {
			return
		}
		segments := strings.Split(strings.TrimPrefix(strings.Split(q.Path, "?")[0], "/"), "/")
		for i := range segments {
			for _, climb := range climbs {
				for _, up := range []string{climb, strings.Repeat(climb+"/", 6) + "canary", strings.Repeat(climb+"/", 3) + "data/uploads"} {
					path := "/" + strings.Join(segments[:i], "/") + "/" + up
					status, body := srv.Raw(t, q.Method, path, admin)
					if strings.Contains(body, canary) || status >= http.StatusInternalServerError {
						t.Errorf("GET %s: %d %q", path, status, body)
					}
				}
			}
		}
	})
}

// doubledSlash is S-8: nothing of the server's own is found behind "//" or "/./".
func (s Suite) doubledSlash(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	admin := As(srv.admin)
	for _, reserved := range []string{"metrics", "livez", "readyz", "api/v1/tokens", "raw/main/", ".slipway", "blobs/sha256", "uploads", "tmp"} {
		for _, between := range []string{"//", "/./", "/.//", "/%2e/"} {
			for _, before := range []string{"", "/" + s.New().Name() + "/main"} {
				path := before + between + reserved
				if status, body := srv.Raw(t, http.MethodGet, path, admin); status < http.StatusBadRequest {
					t.Errorf("GET %s: %d %q", path, status, body)
				}
			}
		}
	}
}

// encodedRepository is S-10: a repository whose name is percent-encoded is the same one to the rights and to the handler.
func (s Suite) encodedRepository(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	callers := map[string]As{
		"anonymous": Anonymous, "elsewhere": As(srv.Token(OtherRepository, access.Read, access.Publish, access.Delete, access.Tag)),
		"reader": As(srv.ReadToken("main")),
	}
	s.walk(t, srv, "main", func(t *testing.T, _ formats.Route, q Request) {
		for who, as := range callers {
			plain := srv.Do(as, q)
			encoded := q
			encoded.Path = strings.Replace(q.Path, "/main", "/%6Da%69n", 1)
			if encoded.Path == q.Path {
				continue // the route has no repository in its path
			}
			if res := srv.Do(as, encoded); res.Status != plain.Status {
				t.Errorf("%s: %s is %v, %s is %v", who, q.Path, plain, encoded.Path, res)
			}
		}
	})
}

// withoutID is what differs in every answer.
var withoutID = regexp.MustCompile(`"request_?[iI]d":"[^"]*"`)

// foreign is S-38: what one repository holds is not found by its names, digests and ids in another one, by somebody who may
// do everything there, nor is it changed.
func (s Suite) foreign(t *testing.T) {
	srv := s.server(t)
	content := s.publish(t, srv, "example", "1.0.0", []byte("content"))
	tenant := As(srv.Token(OtherRepository, access.Actions...))
	before := srv.logSize()
	s.walk(t, srv, registry.DefaultRepository, func(t *testing.T, route formats.Route, q Request) {
		q.Path = strings.Replace(q.Path, "/"+registry.DefaultRepository+"/", "/"+OtherRepository+"/", 1)
		if path, _, _ := strings.Cut(q.Path, "?"); !strings.Contains(path, "example") || q.Method == http.MethodOptions || mutating(q.Method) && q.Method != http.MethodDelete {
			return
		}
		absent := q
		absent.Path = strings.ReplaceAll(q.Path, "example", "xxxxxxx")
		res, none := srv.Do(tenant, q), srv.Do(tenant, absent)
		said, nothing := string(res.Body), strings.ReplaceAll(string(none.Body), "xxxxxxx", "example")
		if res.Status != none.Status || withoutID.ReplaceAllString(said, "") != withoutID.ReplaceAllString(nothing, "") {
			t.Errorf("%v, but for what does not exist %v", res, none)
		}
	})
	if now := srv.logSize(); now != before {
		t.Errorf("%d entries of the log are new", now-before)
	}
	if res := srv.Do(Admin, s.Download(registry.DefaultRepository, "example", "1.0.0")); res.Status != http.StatusOK || !bytes.Equal(res.Body, content) {
		t.Errorf("afterwards: %v", res)
	}
	srv.MustFsck(t)
}

// hostile sends what no well-meant client does to every route.
func (s Suite) hostile(t *testing.T) {
	srv := s.serverWith(t, Options{Core: []registrytest.Option{registrytest.WithBlobs(Keyed(mem.New(), t))}})
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	h := Hostile{Server: srv, Targets: s.Documents, Refusal: s.Refusal, Fixed: 1}
	s.examples(t, srv, registry.DefaultRepository, func(route formats.Route, q Request) {
		h.Targets = append(h.Targets, Target{Route: route.Name, Request: q, AnyBytes: slices.Contains(s.AnyBytes, route.Name)})
	})
	h.Run(t)
}

// deleted is S-33: once a version is deleted, no cache has its bytes for anybody.
func (s Suite) deleted(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	q := s.Download("main", "example", "1.0.0")
	for range 3 { // whatever remembers, remembers it now
		if res := srv.Do(Admin, q); res.Status != http.StatusOK {
			t.Fatal(res)
		}
	}
	found, err := srv.Search(srv.Admin, registry.VersionSearch{Query: "format:" + s.New().Name()})
	if err != nil || len(found) != 1 {
		t.Fatalf("published: %v, %v", found, err)
	}
	at, err := srv.NameOf(registry.DefaultRepository, s.New().Name(), found[0].Package)
	if err == nil {
		err = srv.Delete(srv.Admin, at.At(found[0].Version.Name), "")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		q.Method = method
		for _, as := range []As{Admin, As(srv.ReadToken("main"))} {
			if res := srv.Do(as, q); res.Status != http.StatusNotFound && res.Status != http.StatusGone {
				t.Errorf("%s of a deleted version: %v", method, res)
			}
		}
	}
}

// forgedHeaders is S-25 and S-26: who asks, and from where, is never read from a header that any client can send.
func (s Suite) forgedHeaders(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	q := s.Download("main", "example", "1.0.0")
	for _, name := range []string{
		"X-Remote-User", "Remote-User", "Remote_User", "REMOTE_USER", "X-Forwarded-User", "X-Webauth-User", "X-Auth-Request-User", "X-WEBAUTH-USER",
	} {
		if res := srv.Do(Anonymous, q.With(name, registry.AdminUser)); res.Status != http.StatusUnauthorized {
			t.Errorf("%s: %v, want 401", name, res)
		}
	}
	s.walk(t, srv, "main", func(t *testing.T, _ formats.Route, q Request) {
		for name, value := range map[string]string{
			"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/evil.example",
			"Forwarded": `for=192.0.2.66;host=evil.example;proto=https`, "X-Forwarded-For": "192.0.2.66", "X_Forwarded_Host": "evil.example",
		} {
			if mutating(q.Method) {
				continue
			}
			res := srv.Do(Admin, q.With(name, value))
			if strings.Contains(string(res.Body), "evil.example") || strings.Contains(res.Header.Get("Location"), "evil.example") {
				t.Errorf("%s leads into the answer: %v", name, res)
			}
		}
	})
	if log := srv.Log(); strings.Contains(log, "192.0.2.66") {
		t.Error("a forged address is in the log")
	}
}

// secretsInLogs is S-59 as far as the HTTP side goes: credentials of every kind are used on every route, right and
// wrong, and are in no log line, answer or metric.
func (s Suite) secretsInLogs(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	token := srv.Token("main", access.Read)
	password := base64.StdEncoding.EncodeToString([]byte(registry.AdminUser + ":" + registrytest.AdminPassword))
	if res := srv.Do(Anonymous, s.Download("main", "example", "1.0.0").With("Authorization", "Basic "+password)); res.Status != http.StatusOK {
		t.Errorf("login by password: %v", res)
	}
	var answers strings.Builder
	s.walk(t, srv, "main", func(_ *testing.T, _ formats.Route, q Request) {
		for _, header := range []string{
			"Bearer " + token, "Bearer slp_canary-wrong", "Basic Y2FuYXJ5OmNhbmFyeS1wYXNzd29yZA==", "Negotiate canary-negotiate",
		} {
			res := srv.Do(Anonymous, q.With("Authorization", header))
			answers.Write(res.Body)
		}
		sep := "?"
		if strings.Contains(q.Path, "?") {
			sep = "&"
		}
		q.Path += sep + "token=canary-query"
		srv.Do(Anonymous, q)
	})
	answers.WriteString(srv.Log())
	answers.Write(srv.Do(Anonymous, Request{Method: http.MethodGet, Path: "/metrics"}).Body)
	for _, secret := range []string{token, "canary-wrong", "canary-password", "Y2FuYXJ5", "canary-negotiate", "canary-query", registrytest.AdminPassword, password} {
		if strings.Contains(answers.String(), secret) {
			t.Errorf("%q is in a log line, an answer or a metric", secret)
		}
	}
}
