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
	"time"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
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

// TestRepositorySettings: settings are changed by a form, each by itself, and an empty repository is deleted with its name as confirmation.
func TestRepositorySettings(t *testing.T) {
	s := shop(t)
	const page = "/r/main/-/settings"
	shown := s.has(formatstest.Admin, page, "allow_reuse", "maven_pom", "npm_legacy_names", "oci_sparse", "It can't be deleted while it holds versions", `href="`+s.URL+`/r/main/raw/tool"`)
	before := was(t, shown)
	s.call("PATCH", "/repositories/main", `{"settings":{"strict_order":true}}`) // by another, after the form was made
	words := strings.NewReplacer("&#39;", "'").Replace(shown)
	pom := regexp.MustCompile(`<select id="f-settings.maven_pom"[^>]*>.*?</select>`).FindString(words)
	options := regexp.MustCompile(`value="([a-z-]+)"`).FindAllStringSubmatch(pom, -1)
	if len(options) < 2 {
		t.Fatalf("choices of maven_pom: %q", pom)
	}
	form := url.Values{"do": {"set"}, wasName: {before}, "description": {"what we <b>ship</b>"}, "settings.allow_reuse": {"true"}, "settings.tag_rules": {"v*=immutable\nnpm:next=protected"}, "settings.maven_pom": {options[1][1]},
		"settings.oci_sparse": {valueIn(before, "settings.oci_sparse")}}
	if res := s.post(page, form); res.Status != http.StatusSeeOther {
		t.Fatalf("the settings: %v", res)
	}
	repo := read[api.Repository](s, "/repositories/main")
	rules, err := json.Marshal(repo.Settings["tag_rules"])
	if err != nil || repo.Description != "what we <b>ship</b>" || repo.Settings["allow_reuse"] != true || repo.Settings["strict_order"] != true || repo.Settings["maven_pom"] != options[1][1] ||
		string(rules) != `[{"pattern":"v*","rule":"immutable"},{"format":"npm","pattern":"next","rule":"protected"}]` {
		t.Errorf("set: %+v, %v", repo, err)
	}
	shown = s.has(formatstest.Admin, page, "npm:next=protected", "what we &lt;b&gt;ship")
	form = url.Values{"do": {"set"}, wasName: {was(t, shown)}, "settings.tag_rules": {"v*"}, "description": {"other"}}
	if res := s.post(page, form); res.Status != 400 || !strings.Contains(string(res.Body), `value="other"`) || !strings.Contains(string(res.Body), "PATTERN=protected") {
		t.Errorf("a wrong rule: %v", res)
	}
	s.refuse(409, page, []string{"still holds"}, "do", "delete", "confirm", "main")
	s.call("POST", "/repositories", `{"name":"empty"}`)
	s.has(formatstest.Admin, "/r/empty/-/settings", "It holds no version")
	s.refuse(400, "/r/empty/-/settings", []string{"type the name"}, "do", "delete", "confirm", "emtpy")
	s.submit("/r/empty/-/settings", "do", "delete", "confirm", "empty")
	if res := s.get(formatstest.Admin, "/r/empty"); res.Status != 410 {
		t.Errorf("deleted: %v", res)
	}
}

const wasName = "was"

// valueIn is what a form showed in a field.
func valueIn(was, field string) string {
	var values map[string]string
	if json.Unmarshal([]byte(was), &values) != nil {
		return ""
	}
	return values[field]
}

// TestOriginForm: an administrator says where a package may come from, and leaves it to the server again.
func TestOriginForm(t *testing.T) {
	s := shop(t)
	const page = "/r/main/raw/tool/-/origin"
	type resolution struct{ Origin *api.Origin }
	s.refuse(400, page, []string{`value="both" selected`}, "do", "set", "origin", "both", "reason", "")
	s.submit(page, "do", "set", "origin", "both", "reason", "we patch it", "expires", "2099-01-31T12:00")
	if o := read[resolution](s, "/repositories/main/packages/raw/tool/resolution").Origin; o == nil || o.Origin != "both" || o.Reason != "we patch it" || o.ExpiresAt == nil {
		t.Errorf("set: %+v", o)
	}
	s.has(formatstest.Admin, page, "we patch it", ">published<", ">answers<")
	s.has(formatstest.Admin, "/r/main/raw/tool/-/settings", "we patch it")
	if res := s.post(page, formOf("do", "refresh")); res.Status != 200 || !strings.Contains(string(res.Body), `role="status"`) {
		t.Errorf("a refresh: %v", res)
	}
	s.submit(page, "do", "clear")
	if o := read[resolution](s, "/repositories/main/packages/raw/tool/resolution").Origin; o != nil {
		t.Errorf("cleared: %+v", o)
	}
	reader := formatstest.As(s.ReadToken("main"))
	s.has(reader, page, ">answers<", "!Say where it may come from", "!/-/settings")
	s.has(formatstest.Admin, "/r/all/raw/tool/-/origin", "by way of main", "it does not have it")
}

// TestVersionForms: a version is deprecated, annotated, promoted, deleted and restored by forms, and what runs it is named when it can't be deleted.
func TestVersionForms(t *testing.T) {
	s := shop(t)
	const page = "/r/main/raw/tool/v/1.1.0/-/manage"
	version := func(repository string) api.Version {
		t.Helper()
		return read[api.Version](s, "/repositories/"+repository+"/packages/raw/tool/versions/1.1.0")
	}
	s.has(formatstest.Admin, page, "Set the state", "Promote", "Yes, delete it")
	s.has(formatstest.Admin, "/r/main/raw/tool/v/1.1.0", `href="`+s.URL+page+`"`)
	s.refuse(400, page, []string{`value="old"`}, "do", "state", "state", "odd", "reason", "old")
	if to := s.submit(page, "do", "annotate", "repository", "https://git.example.com/acme/tool", "commit", "4f2a9c1", "custom", "team.ticket = ABC-1\n"); to != "/r/main/raw/tool/v/1.1.0" {
		t.Errorf("leads to %s", to)
	}
	if v := version("main"); v.Release.Source == nil || v.Release.Source.Commit != "4f2a9c1" || v.Release.Custom["team.ticket"] != "ABC-1" {
		t.Errorf("annotated: %+v", v.Release)
	}
	s.refuse(400, page, []string{"ticket</textarea>"}, "do", "annotate", "custom", "ticket")
	s.refuse(400, page, nil, "do", "annotate")
	s.refuse(404, page, []string{`value="absent"`}, "do", "promote", "to", "absent")
	if to := s.submit(page, "do", "promote", "to", formatstest.OtherRepository, "tags", "stable"); to != "/r/other/raw/tool/v/1.1.0" {
		t.Errorf("leads to %s", to)
	}
	if v := version(formatstest.OtherRepository); v.Origin != "promoted" || len(v.Tags) != 1 {
		t.Errorf("promoted: %+v", v)
	}
	s.refuse(409, page, []string{`href="` + s.URL + `/deployments/`, "web in staging", `value="too old"`}, "do", "delete", "reason", "too old")
	const other = "/r/other/raw/tool/v/1.1.0/-/manage"
	if to := s.submit(other, "do", "delete", "reason", "too old"); to != "/r/other/raw/tool" {
		t.Errorf("leads to %s", to)
	}
	if v := version(formatstest.OtherRepository); v.State != "deleted" || v.Reason != "too old" {
		t.Errorf("deleted: %+v", v)
	}
	s.has(formatstest.Admin, other, "Restore the version", "!Set the state")
	s.has(formatstest.Admin, "/r/other/raw/tool/-/settings", ">Restore</a>", "too old")
	s.submit(other, "do", "restore", "reason", "a mistake")
	if v := version(formatstest.OtherRepository); v.State != "published" {
		t.Errorf("restored: %+v", v)
	}
	s.refuse(409, other, nil, "do", "restore")
	s.refuse(400, page, nil, "do", "dance")
	s.has(formatstest.As(s.ReadToken("main")), page, "!Set the state", "!Yes, delete it", "!Restore the version")
	s.has(formatstest.As(s.ReadToken("main")), "/r/main/raw/tool/v/1.1.0", "!/-/manage")
}

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
