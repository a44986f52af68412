package ui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slipway/api"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/registry/access"
)

// shop is a site with what a small company has: versions with facts, a tag that moved, and a service that runs one.
func shop(t *testing.T) *site {
	t.Helper()
	s := newPage(t, formatstest.Options{}, all.All()...)
	for _, f := range [][2]string{{"1.0.0/tool.txt", "one"}, {"1.1.0/tool.txt", "two"}, {"1.1.0/read%20me.md", "three"}, {"1.1.0/README.md", "# Tool\n\nIt cuts."}} {
		s.send(http.MethodPut, "/raw/main/tool/"+f[0], f[1], http.StatusCreated)
	}
	tool := "/api/v1/repositories/main/packages/raw/tool"
	s.send(http.MethodPut, tool+"/tags/production", `{"version":"1.1.0","reason":"release 11"}`, http.StatusOK)
	s.send(http.MethodPut, tool+"/tags/production", `{"version":"1.0.0","reason":"1.1.0 loses orders, see INC-7"}`, http.StatusOK)
	s.send(http.MethodPut, tool+"/versions/1.0.0/metadata", `{"source":{"repository":"https://git.example.com/acme/tool","commit":"4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d","ref":"main"},"build":{"system":"woodpecker","id":"812","url":"https://ci.example.com/acme/tool/812"}}`, http.StatusNoContent)
	for _, name := range []string{"prod", "staging"} {
		s.send(http.MethodPost, "/api/v1/environments", `{"name":"`+name+`","tag":"production"}`, http.StatusCreated)
	}
	for i, d := range [][2]string{{"staging", "1.1.0"}, {"prod", "1.1.0"}, {"prod", "1.0.0"}} {
		s.send(http.MethodPost, "/api/v1/deployments", fmt.Sprintf(`{"environment":%q,"service":"web","repository":"main","purl":"pkg:generic/tool@%s","status":"succeeded","external_id":"d%d"}`, d[0], d[1], i), http.StatusCreated)
	}
	s.subscribe()
	s.places()
	s.AddUser(t, "ann", passwordOfAnn, access.Grant{Repository: "main", Actions: []access.Action{access.Read, access.Publish}})
	s.send(http.MethodPost, "/api/v1/users", `{"name":"ci","kind":"service","permissions":[{"repository":"main","role":"publisher"}]}`, http.StatusCreated)
	s.send(http.MethodPost, "/api/v1/groups", `{"name":"ops","description":"who ships","members":["ann"],"permissions":[{"environment":"prod","actions":["deploy"]}]}`, http.StatusCreated)
	s.send(http.MethodPut, "/api/v1/roles/packer", `{"actions":["read","publish"]}`, http.StatusCreated)
	return s
}

// send changes something as an administrator.
func (s *site) send(method, path, body string, want int) {
	s.t.Helper()
	q := formatstest.Request{Method: method, Path: path, Body: []byte(body)}
	if strings.HasPrefix(path, "/api/") {
		q = q.With("Content-Type", "application/json")
	}
	if res := s.Do(formatstest.Admin, q); res.Status != want {
		s.t.Fatalf("%s %s: %v", method, path, res)
	}
}

// TestPagesOfPackage: the pages of a repository, a package and a version show what a visitor looks for, and lead to each other and to the same
// in the API.
func TestPagesOfPackage(t *testing.T) {
	s := shop(t)
	for path, want := range map[string][]string{
		"/r/main":                   {`href="` + s.URL + `/r/main/raw/tool"`, "1.1.0", "You may", s.URL + "/api/v1/repositories/main\""},
		"/r/main?format=npm":        {"No package here is like that."},
		"/r/main?q=oo":              {`/r/main/raw/tool"`},
		"/r/other":                  {"Nothing is published here yet."},
		"/r/main/raw/tool":          {"<h3>Tool</h3>", `href="` + s.URL + `/r/main/raw/tool/v/1.0.0"`, ">production<", "/raw/main/tool/1.1.0/read%20me.md", s.URL + "/api/v1/repositories/main/packages/raw/tool\""},
		"/r/main/raw/tool/-/tags":   {"release 11", "1.1.0 loses orders", ">holds<"},
		"/r/main/raw/tool/v/1.1.0":  {"read me.md", "files/read%20me.md", "/raw/main/tool/1.1.0/read%20me.md", "pkg:generic/tool@1.1.0", s.URL + "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0\""},
		"/search?q=tool":            {`href="` + s.URL + `/r/main/raw/tool/v/1.1.0"`, `value="tool"`},
		"/search?q=tool&as_of=seq:": {"seq:&lt;n&gt;"},
	} {
		res := s.get(formatstest.Admin, path)
		for _, text := range want {
			if !strings.Contains(string(res.Body), text) {
				t.Errorf("%s: %d, no %q", path, res.Status, text)
			}
		}
	}
}

// TestVersions: the list of versions has commits, where each runs, and what tells of it; it is narrowed, now and at a past moment, and an image
// stands once, with its platforms folded into it.
func TestVersions(t *testing.T) {
	s := shop(t)
	s.stock()
	s.send(http.MethodPut, "/raw/main/tool/1.1.0/tool.spdx.json", "{}", http.StatusCreated)
	s.send(http.MethodPut, "/raw/main/tool/1.1.0/tool.txt.asc", "x", http.StatusCreated)
	const tab = "/r/main/raw/tool/-/versions"
	list := func(path string) (out []string) {
		t.Helper()
		for _, r := range tableOf(parsed(t, s.get(formatstest.Admin, path).Body), "Versions") {
			out = append(out, fmt.Sprint(r.text("Version"), r.chips("Tags"), r.chips("Runs in"), r.text("Commit"), r.chips("Evidence")))
		}
		return out
	}
	newest, oldest := "1.1.0[] [staging][SBOM Signature]", "1.0.0[production] [prod]4f2a9c1d4f2a ↗[]"
	for path, want := range map[string][]string{
		tab: {newest, oldest}, tab + "?env=prod": {oldest}, tab + "?env=lab": nil, tab + "?name=.1.": {newest}, tab + "?name=production": {oldest}, tab + "?has=commit": {oldest}, tab + "?state=yanked": nil,
		tab + "?state=published&name=1.0.0": {oldest}, "/r/main/maven/com.acme:lib/-/versions": {"3.2.1[] [][SBOM Signature]"},
	} {
		if got := list(path); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	s.has(formatstest.Admin, tab+"?env=lab", "No version here is like that.", `value="lab" selected`, "?q=env%3A%22lab%22")
	s.has(formatstest.Admin, tab, `href="https://git.example.com/acme/tool/commit/4f2a9c1d`, `href="`+s.URL+`/env/prod"`)
	if res := s.get(formatstest.Admin, tab+"?state=odd"); res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), "no state") {
		t.Errorf("a state that is none: %v", res)
	}
	images := s.page(formatstest.Admin, "/r/main/oci/team/app/-/versions")
	if rows := tableOf(parsed(t, []byte(images)), "Versions"); len(rows) != 1 || !strings.Contains(rows[0].text("Version"), "index of 3 manifests") || fmt.Sprint(rows[0].chips("Evidence")) != "[SBOM Signature]" {
		t.Errorf("images: %d rows, %+v", len(rows), rows)
	}
}

// TestPast: the pages of a package and of a version show what was there at a moment: the tags and the versions of then.
func TestPast(t *testing.T) {
	s := shop(t)
	var moves api.List[api.Tag]
	if err := json.Unmarshal(s.Do(formatstest.Admin, formatstest.Request{Path: "/api/v1/repositories/main/packages/raw/tool/tags/production/history"}).Body, &moves); err != nil || len(moves.Items) != 2 {
		t.Fatalf("%+v, %v", moves, err)
	}
	then := fmt.Sprintf("?as_of=seq:%d", moves.Items[1].Seq) // when it named 1.1.0
	s.send(http.MethodPut, "/raw/main/tool/2.0.0/tool.txt", "later", http.StatusCreated)
	s.send(http.MethodDelete, "/api/v1/repositories/main/packages/raw/tool/versions/1.1.0?reason=gone", "", http.StatusConflict) // it runs
	tagged := regexp.MustCompile(`(?s)<a class="chip" href="[^"]*">production</a> <a href="[^"]*">([^<]*)</a>`)
	for path, want := range map[string]string{"/r/main/raw/tool": "1.0.0", "/r/main/raw/tool" + then: "1.1.0"} {
		page := s.page(formatstest.Admin, path)
		if m := tagged.FindStringSubmatch(page); m == nil || m[1] != want || strings.Contains(page, "2.0.0") != (want == "1.0.0") || strings.Contains(page, "The past:") != (want == "1.1.0") {
			t.Errorf("%s: production names %v, want %s", path, m, want)
		}
	}
	if res := s.get(formatstest.Admin, "/r/main/raw/tool/v/2.0.0"+then); res.Status != http.StatusNotFound {
		t.Errorf("a version that came later: %v", res)
	}
	page := s.page(formatstest.Admin, "/r/main/raw/tool/v/1.1.0"+then)
	if !strings.Contains(page, ">production</a>") || strings.Contains(page, "woodpecker") {
		t.Error("the version is not that of then")
	}
	if page := s.page(formatstest.Admin, "/r/main/raw/tool/v/1.0.0"); !strings.Contains(page, "woodpecker") || !strings.Contains(page, `href="https://git.example.com/acme/tool/commit/4f2a9c1d`) {
		t.Error("the version of now lacks its build or its commit")
	}
}

// TestHostileTexts: what clients wrote shows as text: a readme keeps no script, no frame and no address but those of the web and of mail, and
// characters that turn text around or steer a terminal are signs.
func TestHostileTexts(t *testing.T) {
	s := newPage(t, formatstest.Options{}, all.All()...)
	readme := "# x <script>alert(1)</script>\n\n<img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](data:text/html,x) [c](https://git.example.com/) ![d](http://plain.example/x.png) ![e](https://img.example.com/x.png)\n\n<iframe src=//x></iframe><style>*{}</style>\n\n<a id=q href=\"/logout\">f</a> \u202etxt\x1b[31m"
	s.send(http.MethodPut, "/raw/main/h%22%3E%3Cb%3E/1/README.md", readme, http.StatusCreated)
	s.send(http.MethodPut, "/api/v1/repositories/main/packages/raw/h%22%3E%3Cb%3E/tags/production", `{"version":"1","reason":"<script>alert(1)</script>"}`, http.StatusOK)
	for _, path := range []string{"/r/main", "/r/main/raw/h%22%3E%3Cb%3E", "/r/main/raw/h%22%3E%3Cb%3E/-/tags", "/r/main/raw/h%22%3E%3Cb%3E/v/1", "/search?q=h", "/search?q=%3Cscript%3E%22"} {
		res := s.get(formatstest.Admin, path)
		s.inspect(t, path, res)
		if found := regexp.MustCompile(`(?i)<script>|javascript:|data:text|http://plain|onerror=|<iframe|\x{202e}|\x1b|<b>`).Find(res.Body); found != nil {
			t.Errorf("%s: %d, has %q", path, res.Status, found)
		}
	}
	page := s.page(formatstest.Admin, "/r/main/raw/h%22%3E%3Cb%3E/v/1")
	for _, want := range []string{`<a href="https://git.example.com/" rel="nofollow ugc noopener noreferrer">c</a>`, `src="https://img.example.com/x.png"`, "\ufffdtxt\ufffd[31m"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page[strings.Index(page, `id="readme"`):])
		}
	}
}

// TestHiddenPages: who may not read a repository is shown nothing of it, by any page, and a visitor without credentials is asked for some.
func TestHiddenPages(t *testing.T) {
	s := shop(t)
	bob := formatstest.As(s.ReadToken(formatstest.OtherRepository))
	// Environments with the tags that they follow are known to everybody, and the search proposes these tags.
	for _, path := range []string{"/r/main", "/r/main/raw/tool", "/r/main/raw/tool/-/tags", "/r/main/raw/tool/v/1.1.0", "/search?q=tool", "/"} {
		res := s.get(bob, path)
		if strings.Contains(string(res.Body), "1.1.0") || strings.Contains(string(res.Body), "INC-7") || path != "/search?q=tool" && strings.Contains(string(res.Body), "production<") || strings.HasPrefix(path, "/r/") && res.Status != http.StatusNotFound {
			t.Errorf("%s: %v", path, res)
		}
		res = s.get(formatstest.Anonymous, path)
		if below := strings.HasPrefix(path, "/r/"); !below && strings.Contains(string(res.Body), "1.1.0") || below && res.Header.Get("Location") != s.URL+"/login?next="+url.QueryEscape(path) {
			t.Errorf("%s without credentials: %v", path, res)
		}
	}
}
