package formatstest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/accounts"
	"slipway/registry/catalog"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage/mem"
)

// withoutID is what differs in every answer.
var withoutID = regexp.MustCompile(`"request_?[iI]d":"[^"]*"|\(request [^)]*\)`)

// foreign is S-38: what one repository holds is not found by its names, digests and ids in another one, by somebody who may
// do everything there, nor is it changed.
func (s Suite) foreign(t *testing.T) {
	srv := s.server(t)
	content := s.publish(t, srv, "example", "1.0.0", []byte("content"))
	tenant := As(srv.Token(OtherRepository, access.Actions...))
	before := srv.logSize()
	s.walk(t, srv, registry.DefaultRepository, func(t *testing.T, route httpserver.Route, q Request) {
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
	s.examples(t, srv, registry.DefaultRepository, func(route httpserver.Route, q Request) {
		h.Targets = append(h.Targets, Target{Route: route.Name, Request: q, AnyBytes: slices.Contains(s.AnyBytes, route.Name)})
	})
	h.Run(t)
}

// deleted is S-33: once a version is deleted, no cache has its bytes for anybody, also not in a part or by a condition.
func (s Suite) deleted(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	q := s.Download("main", "example", "1.0.0")
	var etag string
	for range 3 { // whatever remembers, remembers it now
		res := srv.Do(Admin, q)
		if res.Status != http.StatusOK {
			t.Fatal(res)
		}
		etag = res.Header.Get("Etag")
	}
	at := s.only(t, srv)
	srv.must(srv.Publisher.Delete(srv.Admin, at, ""))
	reader := As(srv.ReadToken("main"))
	for _, as := range []As{Admin, reader} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			q.Method = method
			for _, asked := range []Request{q, q.With("Range", "bytes=0-0"), q.With("If-None-Match", etag), q.With("If-None-Match", "*")} {
				if res := srv.Do(as, asked); res.Status != http.StatusNotFound {
					t.Errorf("%s of a deleted version, %v: %v", method, asked.Header, res)
				}
			}
		}
	}
}

// only is the one version that there is.
func (s Suite) only(t *testing.T, srv *Server) registry.Coordinate {
	t.Helper()
	found, err := srv.History.Search(srv.Admin, catalog.VersionSearch{Query: "format:" + s.New().Name()})
	if err != nil || len(found) != 1 {
		t.Fatalf("published: %v, %v", found, err)
	}
	at, err := srv.Core.Rules.NameOf(registry.DefaultRepository, s.New().Name(), found[0].Package)
	srv.must(err)
	return at.At(found[0].Version.Name)
}

// rightsEnd is the other half of S-33: no cache holds an authorization. Who has read everything, and loses the right to,
// reads nothing with the next request.
func (s Suite) rightsEnd(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	grants := []access.Grant{{Repository: registry.DefaultRepository, Actions: []access.Action{access.Read}}}
	elsewhere := []access.Grant{{Repository: OtherRepository, Actions: []access.Action{access.Read}}}
	password, off := "a good password", true
	_, err := srv.Accounts.CreateUser(srv.Admin, "eve", accounts.UserChange{Password: &password, Grants: grants})
	srv.must(err)
	secret, _, err := srv.Accounts.CreateToken(srv.Admin, accounts.TokenRequest{Name: "eve", User: "eve", Grants: grants})
	srv.must(err)
	for _, c := range []struct {
		change accounts.UserChange
		status int
	}{{accounts.UserChange{Grants: elsewhere}, http.StatusNotFound}, {accounts.UserChange{Grants: grants, Disabled: &off}, http.StatusUnauthorized}} {
		on := false
		_, err := srv.Accounts.UpdateUser(srv.Admin, "eve", accounts.UserChange{Grants: grants, Disabled: &on})
		srv.must(err)
		var open []Request
		s.examples(t, srv, registry.DefaultRepository, func(route httpserver.Route, q Request) {
			if !route.Public && !mutating(q.Method) && !slices.Contains(s.Private, route.Name) {
				open = append(open, q)
			}
		})
		for _, q := range open {
			for range 2 { // whatever remembers, remembers it now
				if res := srv.Do(As(secret), q); res.Status >= http.StatusBadRequest {
					t.Fatalf("%s %s by who may: %v", q.Method, q.Path, res)
				}
			}
		}
		_, err = srv.Accounts.UpdateUser(srv.Admin, "eve", c.change)
		srv.must(err)
		for _, q := range open {
			if res := srv.Do(As(secret), q); res.Status != c.status {
				t.Errorf("%s %s by who no longer may: %v, want %d", q.Method, q.Path, res, c.status)
			}
		}
	}
}

// healed is D-7: bytes that the store lost under the server's feet come back when the same version is published again, as
// a client does.
func (s Suite) healed(t *testing.T) {
	srv := s.server(t)
	content := s.publish(t, srv, "example", "1.0.0", []byte("content"))
	q := s.Download("main", "example", "1.0.0")
	if res := srv.Do(Admin, q); res.Status != http.StatusOK {
		t.Fatal(res)
	}
	d, err := srv.Catalog.VersionDetail(srv.Admin, s.only(t, srv))
	srv.must(err)
	for _, f := range d.Files {
		srv.must(srv.Blobs.Delete(context.Background(), f.Blob.Digest))
	}
	if res := srv.Do(Admin, q); res.Status < http.StatusInternalServerError {
		t.Errorf("without the bytes: %v", res)
	}
	wrong := map[string]bool{}
	_, err = srv.Maintain.Fsck(srv.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { wrong[f.Detail] = true })
	srv.must(err)
	if named := slices.ContainsFunc(slices.Collect(maps.Keys(wrong)), func(s string) bool { return strings.Contains(s, "example") }); !named {
		t.Errorf("fsck does not name the version: %v", wrong)
	}
	if res := srv.Do(Admin, s.Publish("main", "example", "1.0.0", content)); res.Status >= http.StatusBadRequest {
		t.Errorf("the same again: %v", res)
	}
	if res := srv.Do(Admin, q); res.Status != http.StatusOK || !bytes.Equal(res.Body, content) {
		t.Errorf("after it was published again: %v", res)
	}
	srv.MustFsck(t)
}

// forgedHeaders is S-25 and S-26: who asks, and from where, is never read from a header that any client can send.
func (s Suite) forgedHeaders(t *testing.T) {
	srv := s.server(t)
	s.publish(t, srv, "example", "1.0.0", []byte("content"))
	q := s.Download("main", "example", "1.0.0")
	for _, name := range []string{
		"X-Remote-User", "X_Remote_User", "Remote-User", "Remote_User", "REMOTE_USER", "X-Forwarded-User", "X-Webauth-User", "X-Auth-Request-User", "X-WEBAUTH-USER",
	} {
		if res := srv.Do(Anonymous, q.With(name, accounts.AdminUser)); res.Status != http.StatusUnauthorized {
			t.Errorf("%s: %v, want 401", name, res)
		}
	}
	s.walk(t, srv, "main", func(t *testing.T, _ httpserver.Route, q Request) {
		for name, value := range map[string]string{
			"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/evil.example",
			"Forwarded": `for=192.0.2.66;host=evil.example;proto=https`, "X-Forwarded-For": "192.0.2.66", "X_Forwarded_Host": "evil.example",
		} {
			for _, as := range []As{Admin, Anonymous} { // a challenge names the server too
				res := srv.Do(as, q.With(name, value))
				if said := string(res.Body) + fmt.Sprint(res.Header); strings.Contains(said, "evil.example") || strings.Contains(said, "gopher:") {
					t.Errorf("%s leads into the answer: %v %v", name, res, res.Header)
				}
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
	password := base64.StdEncoding.EncodeToString([]byte(accounts.AdminUser + ":" + registrytest.AdminPassword))
	if res := srv.Do(Anonymous, s.Download("main", "example", "1.0.0").With("Authorization", "Basic "+password)); res.Status != http.StatusOK {
		t.Errorf("login by password: %v", res)
	}
	var answers strings.Builder
	s.walk(t, srv, "main", func(_ *testing.T, _ httpserver.Route, q Request) {
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
