package ui_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
)

// TestRepositoryOrder: packages of a repository are sorted by name, newest and size, and what it holds is drawn.
func TestRepositoryOrder(t *testing.T) {
	s := shop(t)
	s.send(http.MethodPut, "/raw/main/big/1.0.0/big.bin", strings.Repeat("x", 5000), http.StatusCreated)
	s.send(http.MethodPut, "/raw/main/aa/1.0.0/a.txt", "a", http.StatusCreated)
	s.has(formatstest.Admin, "/r/main", "!What it holds")
	s.call("POST", "/storage/count", "")
	for query, want := range map[string]string{"": "aa big tool", "?sort=newest": "aa big tool", "?sort=size": "big tool aa", "?sort=size&format=raw": "big tool aa", "?sort=size&format=npm": "", "?q=o&sort=size": "tool"} {
		var names []string
		for _, m := range regexp.MustCompile(`<th scope="row"><a href="[^"]*/r/main/raw/([a-z]+)">`).FindAllStringSubmatch(s.page(formatstest.Admin, "/r/main"+query), -1) {
			names = append(names, m[1])
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	s.has(formatstest.Admin, "/r/main", "What it holds", "5.0 kB", `<rect class="fill" width="100.00"`)
	if res := s.get(formatstest.Admin, "/r/main?sort=odd"); res.Status != 400 {
		t.Errorf("an unknown order: %v", res)
	}
}

// TestStoragePage: what repositories hold and what is stored of it is shown, with why bytes are kept and what a collection would free.
func TestStoragePage(t *testing.T) {
	s := shop(t)
	s.has(formatstest.Admin, "/admin/storage", "Nothing is counted yet", "not counted yet")
	for _, name := range []string{"one", "two"} {
		s.send(http.MethodPut, "/raw/main/"+name+"/1.0.0/same.bin", strings.Repeat("x", 5000), http.StatusCreated)
	}
	if to := s.submit("/admin/storage", "do", "count"); to != "/admin/storage" {
		t.Errorf("leads to %s", to)
	}
	s.has(formatstest.Admin, "/admin/storage", "Saved", "5.0 kB", `href="`+s.URL+`/r/main"`, "Count now")
	digest := read[api.Version](s, "/repositories/main/packages/raw/one/versions/1.0.0").Files[0].Digest
	s.has(formatstest.Admin, "/admin/storage?digest="+digest, `href="`+s.URL+`/r/main/raw/one/v/1.0.0"`, `href="`+s.URL+`/r/main/raw/two/v/1.0.0"`, "a file of a version")
	s.call("DELETE", "/repositories/main/packages/raw/one/versions/1.0.0", "")
	s.has(formatstest.Admin, "/admin/storage?digest="+digest, "a deleted version that can be restored")
	for query, status := range map[string]int{"sha256:" + strings.Repeat("0", 64): 404, "sha1:x": 400} {
		if res := s.get(formatstest.Admin, "/admin/storage?digest="+query); res.Status != status || !strings.Contains(string(res.Body), `role="alert"`) {
			t.Errorf("%s: %v", query, res)
		}
	}
	if res := s.post("/admin/storage", formOf("do", "collect")); res.Status != 200 || !strings.Contains(string(res.Body), "0 blobs with 0 B") {
		t.Errorf("what a collection would free: %v", res)
	}
	s.refuse(400, "/admin/storage", nil, "do", "burn")
	auditor := s.UserToken("auditor", 0, access.Grant{Repository: "*", Actions: []access.Action{access.Audit}})
	s.has(auditor, "/admin/storage", "Saved", "!Count now", "!Find out")
	s.has(auditor, "/admin/repositories", "!Make a repository")
	s.has(auditor, "/admin/rules", `!<h2 id="new-rule"`)
	for _, path := range []string{"/admin/storage", "/admin/repositories", "/admin/upstreams", "/admin/rules"} {
		if res := s.get(formatstest.As(s.ReadToken("main")), path); res.Status != 403 {
			t.Errorf("%s of a reader: %v", path, res)
		}
	}
}

// TestRepositoryForms: an administrator of the server makes repositories of all kinds, and restores one that was deleted.
func TestRepositoryForms(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	s := newPage(t, formatstest.Options{Core: []registrytest.Option{registrytest.With(func(c *instance.Config) { c.DeletedGrace = time.Hour })}}, all.All()...)
	const page = "/admin/repositories"
	s.refuse(400, page, []string{`value="Bad Name"`, `value="for &lt;all&gt;"`}, "do", "create", "name", "Bad Name", "description", "for <all>")
	if to := s.submit(page, "do", "create", "name", "team", "description", "for <all>"); to != "/r/team" {
		t.Errorf("leads to %s", to)
	}
	s.refuse(409, page, nil, "do", "create", "name", "team")
	s.submit(page, "do", "create", "name", "mirror", "url", elsewhere.URL+"/", "format", "npm")
	s.refuse(400, page, []string{`value="other"`}, "do", "create", "name", "group", "upstreams", "team", "writes", "other")
	s.submit(page, "do", "create", "name", "group", "upstreams", "team, mirror", "writes", "team")
	group := read[api.Repository](s, "/repositories/group")
	if len(group.Upstreams) != 2 || group.Upstreams[0].Name != "team" || !group.Upstreams[0].Writes || group.Upstreams[1].Name != "mirror" {
		t.Errorf("%+v", group.Upstreams)
	}
	if mirror := read[api.Repository](s, "/repositories/mirror"); len(mirror.Upstreams) != 1 || mirror.Upstreams[0].Format != "npm" || mirror.Upstreams[0].URL != elsewhere.URL+"/" {
		t.Errorf("%+v", mirror.Upstreams)
	}
	s.has(formatstest.Admin, page, "for &lt;all&gt;", `href="`+s.URL+`/r/group/-/upstreams/mirror"`)
	s.has(formatstest.Admin, "/admin/upstreams", elsewhere.URL, `href="`+s.URL+`/r/mirror/-/upstreams/npm"`)
	s.submit("/admin/rules", "do", "claim", "format", "npm", "pattern", "@acme/*")
	s.submit("/admin/rules", "do", "add", "action", "deny", "match", "pkg:npm/evil@*", "reason", "malware")
	if rules := read[api.List[api.Rule]](s, "/rules").Items; len(rules) != 1 || rules[0].Repository != "" {
		t.Errorf("%+v", rules)
	}
	s.call("POST", "/repositories", `{"name":"gone","description":"was here"}`)
	s.call("DELETE", "/repositories/gone", "")
	s.refuse(404, page, []string{`value="never"`}, "do", "restore", "name", "never")
	s.submit(page, "do", "restore", "name", "gone")
	if repo := read[api.Repository](s, "/repositories/gone"); repo.Description != "was here" {
		t.Errorf("%+v", repo)
	}
}

// TestFormsCarryToken: every form of every page that changes something carries the token of the visitor's session, without which it does nothing.
func TestFormsCarryToken(t *testing.T) {
	s := shop(t)
	s.stock()
	v := s.visitor()
	v.login("admin", registrytest.AdminPassword)
	forms := 0
	for name, paths := range s.examples() {
		if name == "web.login" {
			continue // there is no session before it
		}
		for _, path := range paths {
			page := v.want(200, path, nil).body
			changing, tokens := strings.Count(page, `method="post"`), strings.Count(page, `name="csrf"`)
			if forms += changing; changing != tokens {
				t.Errorf("%s: %d forms, %d tokens", path, changing, tokens)
			}
		}
	}
	if forms < 50 {
		t.Errorf("only %d forms", forms)
	}
	for _, path := range []string{"/r/main/-/upstreams", "/r/main/-/settings", "/r/main/-/rules", "/r/main/-/cache", "/r/main/raw/tool/-/origin", "/r/main/raw/tool/v/1.1.0/-/manage", "/admin/repositories", "/admin/rules", "/admin/storage"} {
		v.want(403, path, formOf("do", "delete", "confirm", "main"))
	}
}
