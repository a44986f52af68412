package ui_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/access"
)

// places is a shop with a repository that answers from another, and a refusal.
func (s *site) places() {
	s.t.Helper()
	s.call("POST", "/repositories", `{"name":"all","description":"for everybody","upstreams":["main"]}`)
	err := s.Metadata.Update(s.t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		return errors.Join(err, tx.Policies().PutRefusal(metadata.Refusal{RequestID: "refused-request", At: tx.Now(), RepositoryID: r.ID, Subject: "pkg:generic/x@1",
			Caller: "user ann", Outcome: "deny", Mode: "enforce", Reason: "it is " + hostile}))
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// submit sends a form that is to be taken, and returns where it leads.
func (s *site) submit(path string, fields ...string) string {
	s.t.Helper()
	res := s.post(path, formOf(fields...))
	if res.Status != http.StatusSeeOther {
		s.t.Fatalf("%s %q: %v", path, fields, res)
	}
	return strings.TrimPrefix(res.Header.Get("Location"), s.URL)
}

// refuse sends a form that is not taken, and checks what the page says then.
func (s *site) refuse(status int, path string, says []string, fields ...string) string {
	s.t.Helper()
	res := s.post(path, formOf(fields...))
	if res.Status != status {
		s.t.Errorf("%s %q: %v, want %d", path, fields, res, status)
	}
	page := string(res.Body)
	for _, text := range append(says, `role="alert"`) {
		if !strings.Contains(page, text) {
			s.t.Errorf("%s %q: no %q", path, fields, text)
		}
	}
	return page
}

// read asks the API as the administrator.
func read[T any](s *site, path string) (out T) {
	s.t.Helper()
	if err := json.Unmarshal(s.call("GET", path, "").Body, &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// has checks that a page has texts, and none that the rest names.
func (s *site) has(as formatstest.As, path string, texts ...string) string {
	s.t.Helper()
	page := s.page(as, path)
	for _, text := range texts {
		if absent, not := strings.CutPrefix(text, "!"); not == strings.Contains(page, absent) {
			s.t.Errorf("%s: %q is there: %v", path, absent, not)
		}
	}
	return page
}

// was is what a settings form on a page showed.
func was(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="was" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("the page has no form with settings")
	}
	return strings.NewReplacer("&#34;", `"`, "&lt;", "<", "&#43;", "+", "&amp;", "&").Replace(m[1])
}

// TestUpstreamForms: places are added, moved, set, checked and removed by forms; a setting that the form's user did not touch stays as it is, and a secret is never shown.
func TestUpstreamForms(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	s := newPage(t, formatstest.Options{}, all.All()...)
	const list = "/r/main/-/upstreams"
	s.refuse(400, list, []string{`value="ftp://x"`, `value="72h"`}, "do", "add", "url", "ftp://x", "format", "raw", "cooldown", "72h")
	s.refuse(400, list, nil, "do", "dance")
	if to := s.submit(list, "do", "add", "url", elsewhere.URL+"/", "format", "raw", "name", "files", "deny", "secret/*\nhidden/*", "offline", "true"); to != list+"/files" {
		t.Errorf("leads to %s", to)
	}
	s.submit(list, "do", "add", "repository", formatstest.OtherRepository, "format", "npm")
	order := func(want ...string) {
		t.Helper()
		for i, u := range read[api.List[api.Upstream]](s, "/repositories/main/upstreams").Items {
			if i >= len(want) || u.Name != want[i] {
				t.Errorf("place %d is %s, want %q", i, u.Name, want)
			}
		}
	}
	order("files", formatstest.OtherRepository)
	s.submit(list, "do", "up", "name", formatstest.OtherRepository)
	order(formatstest.OtherRepository, "files")
	s.submit(list, "do", "up", "name", formatstest.OtherRepository) // it is the first already
	s.submit(list, "do", "down", "name", formatstest.OtherRepository)
	order("files", formatstest.OtherRepository)
	s.refuse(400, list, nil, "do", "up", "name", "gone")
	s.has(formatstest.Admin, list, `href="`+s.URL+list+`/files"`, ">offline<", elsewhere.URL, `aria-label="Ask files later"`, `!Ask files sooner`)

	one := list + "/files"
	page := s.has(formatstest.Admin, one, "hidden/*", `name="auth.secret" type="password"`)
	form := url.Values{"do": {"set"}, "was": {was(t, page)}, "deny": {"hidden/*"}, "ttl": {"10m"}, "timeouts.connect": {"5s"}, "keep.bytes": {"1000"}, "url": {elsewhere.URL + "/"}, "auth.type": {"basic"}, "auth.user": {"ci"},
		"auth.secret": {"hush-hush"}, "rate": {"2.5"}, "owns": {"true"}}
	s.call("PATCH", "/repositories/main/upstreams/files", `{"user_agent":"meanwhile"}`) // by another, after the form was made
	if res := s.post(one, form); res.Status != http.StatusSeeOther {
		t.Fatalf("the settings: %v", res)
	}
	u := read[api.Upstream](s, "/repositories/main/upstreams/files")
	if u.TTL != "10m0s" || len(u.Deny) != 1 || u.Offline || u.Timeouts == nil || u.Timeouts.Connect != "5s" || u.Keep == nil || u.Keep.Bytes != 1000 || u.Auth == nil || u.Auth.User != "ci" || u.Rate != 2.5 || !u.Owns || u.UserAgent != "meanwhile" {
		t.Errorf("set: %+v %+v", u, u.Auth)
	}
	page = s.has(formatstest.Admin, one, `value="10m0s"`, "!hush-hush", `value="basic" selected`)
	form = url.Values{"do": {"set"}, "was": {was(t, page)}, "ttl": {"soon"}, "auth.secret": {"hush-hush"}, "auth.type": {"basic"}, "auth.user": {"ci"}, "url": {elsewhere.URL + "/"}}
	if res := s.post(one, form); res.Status != 400 || !strings.Contains(string(res.Body), `value="soon"`) || strings.Contains(string(res.Body), "hush-hush") || !strings.Contains(string(res.Body), `role="alert"`) {
		t.Errorf("a wrong time: %v", res)
	}
	form.Set("ttl", "")
	form.Set("timeouts.connect", "")
	form.Set("auth.type", "")
	form.Del("auth.secret")
	if res := s.post(one, form); res.Status != http.StatusSeeOther {
		t.Fatalf("the settings: %v", res)
	}
	if u := read[api.Upstream](s, "/repositories/main/upstreams/files"); u.TTL != "" || u.Auth != nil || u.Timeouts != nil || u.Keep != nil || u.UserAgent != "" {
		t.Errorf("emptied: %+v", u)
	}
	s.refuse(400, one, nil, "do", "set", "ttl", "1m") // it does not say what it showed
	checked := s.post(one, formOf("do", "check"))
	if checked.Status != 200 || !strings.Contains(string(checked.Body), ">resolve<") && !strings.Contains(string(checked.Body), ">connect<") {
		t.Errorf("a check: %v %q", checked, regexp.MustCompile(`role="alert">[^<]*`).Find(checked.Body))
	}
	if res := s.post(list, formOf("do", "refresh")); res.Status != 200 || !strings.Contains(string(res.Body), "0 documents") {
		t.Errorf("a refresh: %v", res)
	}
	s.submit(one, "do", "remove")
	order(formatstest.OtherRepository)
	if res := s.get(formatstest.Admin, one); res.Status != 404 {
		t.Errorf("a removed one: %v", res)
	}
}

// TestPlacesOfOthers: who only reads a repository sees its places without addresses, hosts and forms; who may not read another one does not see that it is a place; and what is for administrators is not there.
func TestPlacesOfOthers(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	s := newPage(t, formatstest.Options{}, all.All()...)
	s.Remote("mirror", "raw", u.RawURL())
	s.call("POST", "/repositories", `{"name":"group","upstreams":["mirror","other"]}`)
	s.call("POST", "/rules", `{"repository":"main","action":"deny","match":"pkg:generic/hidden-*","reason":"secret reason"}`)
	s.call("POST", "/claims", `{"repository":"main","format":"raw","pattern":"hidden-*"}`)
	ann := s.UserToken("ann", 0, access.Grant{Repository: "group", Actions: []access.Action{access.Read}}, access.Grant{Repository: "mirror", Actions: []access.Action{access.Read}})
	s.has(ann, "/r/group/-/upstreams", ">mirror<", "!>other<", "!<form action=\""+s.URL+"/r/group/-/upstreams\"")
	s.has(ann, "/r/mirror/-/upstreams", ">up<", "!"+u.RawURL(), "!127.0.0.1:"+strings.SplitN(strings.TrimPrefix(u.RawURL(), "http://127.0.0.1:"), "/", 2)[0])
	s.has(ann, "/r/mirror/-/upstreams/up", "!"+u.RawURL(), `!name="was"`, "!Remove")
	s.has(ann, "/r/group/-/rules", "!hidden-", "!secret reason", "!<h2 id=\"new-rule\"")
	s.has(ann, "/r/group", "!/-/settings", "!/-/cache")
	for path, status := range map[string]int{"/r/group/-/settings": 403, "/r/group/-/cache": 403, "/r/main/-/rules": 404, "/r/main/-/upstreams": 404, "/r/main/-/settings": 404} {
		if res := s.get(ann, path); res.Status != status {
			t.Errorf("%s: %v, want %d", path, res, status)
		}
	}
	send := func(path string, fields ...string) {
		t.Helper()
		q := formatstest.Request{Method: http.MethodPost, Path: path, Body: []byte(formOf(fields...).Encode())}.With("Accept", browser).With("Content-Type", "application/x-www-form-urlencoded")
		if res := s.Do(ann, q); res.Status != 403 {
			t.Errorf("%s %q: %v", path, fields, res)
		}
	}
	send("/r/mirror/-/upstreams", "do", "add", "repository", "group")
	send("/r/mirror/-/upstreams/up", "do", "remove")
	send("/r/mirror/-/upstreams/up", "do", "check")
	send("/r/mirror/-/rules", "do", "add", "action", "deny", "match", "pkg:*", "reason", "x")
	send("/r/mirror/-/rules", "do", "try", "action", "deny", "match", "pkg:*", "days", "7")
	send("/r/mirror/-/settings", "do", "delete", "confirm", "mirror")
	send("/r/mirror/-/cache", "do", "evict")
	for _, path := range []string{"/r/main/-/upstreams", "/r/mirror/-/settings", "/why/refused"} {
		if res := s.get(formatstest.Anonymous, path); res.Status != http.StatusSeeOther && res.Status != http.StatusUnauthorized {
			t.Errorf("%s of a visitor: %v", path, res)
		}
	}
}

// TestRuleForms: a rule is tried on what was published before it is made, claims are suggested and made, and both are removed again.
func TestRuleForms(t *testing.T) {
	s := shop(t)
	const page = "/r/main/-/rules"
	rule := []string{"action", "deny", "match", "pkg:generic/tool@1.1.0", "mode", "enforce", "days", "30"}
	tried := s.post(page, formOf(append(rule, "do", "try")...))
	if got := string(tried.Body); tried.Status != 200 || strings.Count(got, "<code>pkg:generic/tool@1.1.0</code>") != 3 || !strings.Contains(got, `>deny<`) || !strings.Contains(got, `value="pkg:generic/tool@1.1.0"`) {
		t.Errorf("a trial: %v", tried)
	}
	if n := len(read[api.List[api.Rule]](s, "/rules").Items); n != 0 {
		t.Fatalf("a trial made %d rules", n)
	}
	s.refuse(400, page, []string{`value="pkg:generic/tool@1.1.0"`}, append(rule, "do", "add")...) // without a reason
	s.refuse(400, page, []string{`value="next year"`}, append(rule, "do", "add", "reason", "x", "expires", "next year")...)
	s.submit(page, append(rule, "do", "add", "reason", "loses orders", "expires", "2099-01-31T12:00")...)
	rules := read[api.List[api.Rule]](s, "/rules").Items
	if len(rules) != 1 || rules[0].Repository != "main" || rules[0].Reason != "loses orders" || rules[0].ExpiresAt == nil || !strings.HasPrefix(*rules[0].ExpiresAt, "2099-01-31T12:00:00") {
		t.Fatalf("%+v", rules)
	}
	s.has(formatstest.Admin, page, "loses orders", "2099-01-31")
	s.has(formatstest.Admin, "/r/main/raw/tool/-/origin", "loses orders")
	s.submit(page, "do", "remove", "id", rules[0].ID)
	s.refuse(404, page, nil, "do", "remove", "id", rules[0].ID)

	s.send(http.MethodPut, "/raw/main/team/lib/1.0.0/x.txt", "x", http.StatusCreated)
	s.refuse(400, page, []string{`value="x-*"`}, "do", "claim", "format", "", "pattern", "x-*")
	s.submit(page, "do", "claim", "format", "npm", "pattern", "@acme/*")
	claims := read[api.List[api.Claim]](s, "/claims").Items
	if len(claims) != 1 || claims[0].Pattern != "@acme/*" || claims[0].Repository != "main" {
		t.Fatalf("%+v", claims)
	}
	s.has(formatstest.Admin, page, "@acme/*", "!Suggestions, from")
	s.has(formatstest.Admin, page+"?suggest=true", "Suggestions, from")
	s.submit(page, "do", "unclaim", "id", claims[0].ID)
	if n := len(read[api.List[api.Claim]](s, "/claims").Items); n != 0 {
		t.Errorf("%d claims are left", n)
	}
	s.has(formatstest.Admin, "/why/refused-request", "it is &lt;script&gt;", "pkg:generic/x@1", "slipway rule add allow", `href="`+s.URL+`/r/main"`)
	s.has(formatstest.Admin, "/why/refused-request", s.URL+"/r/main/-/rules?action=allow&amp;first=true&amp;match=pkg%3Ageneric%2Fx%401#new-rule")
	s.has(formatstest.Admin, "/r/main/-/rules?action=allow&first=true&match=pkg%3Ageneric%2Fx%401", `value="allow" selected`, `value="pkg:generic/x@1"`, `name="first" value="true" checked`)
	s.has(formatstest.As(s.ReadToken("main")), "/why/refused-request", "!Let it through by a rule")
	if res := s.get(formatstest.Admin, "/why?request=nothing-like-it"); res.Status != 404 || !strings.Contains(string(res.Body), `role="alert"`) || !strings.Contains(string(res.Body), `value="nothing-like-it"`) {
		t.Errorf("an unknown refusal: %v", res)
	}
	if res := s.get(formatstest.As(s.ReadToken(formatstest.OtherRepository)), "/why/refused-request"); res.Status != 404 || strings.Contains(string(res.Body), "generic/x") {
		t.Errorf("a refusal of others: %v", res)
	}
}

// TestCacheForms: what came from elsewhere is listed, goes after a preview, is decided about, and comes again.
func TestCacheForms(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	u.Raw("tool/1.0.0/a.zip", []byte("content of a"))
	u.Raw("other/1.0.0/b.zip", []byte("content of b"))
	s := newPage(t, formatstest.Options{}, all.All()...)
	s.Remote("mirror", "raw", u.RawURL())
	get := func(path string, want int) {
		t.Helper()
		if res := s.Do(formatstest.Admin, formatstest.Request{Path: path}); res.Status != want {
			t.Errorf("%s: %v, want %d", path, res, want)
		}
	}
	get("/raw/mirror/tool/1.0.0/a.zip", 200)
	get("/raw/mirror/other/1.0.0/b.zip", 200)
	const page = "/r/mirror/-/cache"
	state := func(name string) string {
		t.Helper()
		for _, f := range read[api.List[api.CachedFile]](s, "/repositories/mirror/cache").Items {
			if f.Name == name {
				return f.State
			}
		}
		return ""
	}
	s.has(formatstest.Admin, page, `href="`+s.URL+`/r/mirror/raw/tool/v/1.0.0"`, ">here<", "b.zip")
	s.has(formatstest.Admin, page+"?q=tool&state=here", "a.zip", "!b.zip")
	s.refuse(400, page, []string{`value="soon"`}, "do", "preview", "unused", "soon")
	s.refuse(400, page, []string{`value="all"`}, "do", "preview", "keep", "all")
	evict := []string{"format", "raw", "package", "tool"}
	if res := s.post(page, formOf(append(evict, "do", "preview")...)); res.Status != 200 || !strings.Contains(string(res.Body), "1 file with 12 B would go") || !strings.Contains(string(res.Body), `value="evict">Let them go`) {
		t.Errorf("a preview: %v", res)
	}
	if state("tool") != "here" {
		t.Error("a preview let it go")
	}
	s.submit(page, append(evict, "do", "evict")...)
	if state("tool") != "evicted" || state("other") != "here" {
		t.Errorf("tool is %s, other is %s", state("tool"), state("other"))
	}
	u.Raw("tool/1.0.0/a.zip", []byte("other bytes"))
	get("/raw/mirror/tool/1.0.0/a.zip", 502)
	file := []string{"format", "raw", "package", "tool", "version", "1.0.0", "path", "a.zip"}
	s.has(formatstest.Admin, page, ">changed<", `value="accept"`, `value="deny"`)
	s.submit(page, append(file, "do", "deny")...)
	if state("tool") != "denied" {
		t.Errorf("refused: %s", state("tool"))
	}
	s.has(formatstest.Admin, page, `value="accept"`, `!value="deny"`)
	s.submit(page, append(file, "do", "accept")...)
	if state("tool") != "here" {
		t.Errorf("taken: %s", state("tool"))
	}
	s.refuse(404, page, nil, append(file, "do", "accept")...)
	s.call("DELETE", "/repositories/mirror/packages/raw/tool/versions/1.0.0", "")
	s.refuse(404, page, []string{`value="9"`}, "do", "restore", "format", "raw", "package", "tool", "version", "9")
	s.submit(page, "do", "restore", "format", "raw", "package", "tool", "version", "1.0.0", "reason", "a mistake")
	get("/raw/mirror/tool/1.0.0/a.zip", 200)
}
