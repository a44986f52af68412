package ui_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"slipway/docs"
	"slipway/formats"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/web/api"
	"slipway/web/ui"
)

// site is a front page beside the API.
type site struct {
	*formatstest.Server
	t *testing.T
}

// newPage makes a site; formats are those whose clients it answers too.
func newPage(t *testing.T, o formatstest.Options, served ...formats.Format) *site {
	t.Helper()
	return newSite(t, `1.2.3"<i>`, o, served...)
}

// newSite is newPage of a version of the program.
func newSite(t *testing.T, version string, o formatstest.Options, served ...formats.Format) *site {
	t.Helper()
	a := api.New(api.Options{})
	mounts := []formatstest.Mounter{a, ui.New(version, a.Direct(), formats.Sections(all.All())...)}
	for _, f := range served {
		mounts = append(mounts, f)
	}
	return &site{formatstest.NewServer(t, o, mounts...), t}
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// get asks as a browser does.
func (s *site) get(as formatstest.As, path string, header ...string) formatstest.Response {
	s.t.Helper()
	q := formatstest.Request{Method: http.MethodGet, Path: path}.With("Accept", browser)
	for i := 0; i < len(header); i += 2 {
		q = q.With(header[i], header[i+1])
	}
	return s.Do(as, q)
}

// page is get of the front page, as text.
func (s *site) page(as formatstest.As, path string, header ...string) string {
	s.t.Helper()
	res := s.get(as, path, header...)
	if res.Status != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		s.t.Fatalf("%s: %v", path, res)
	}
	return string(res.Body)
}

// block finds the text to copy that has a line like this, as a visitor copies it.
func block(t *testing.T, page, line string) string {
	t.Helper()
	for _, m := range preText.FindAllStringSubmatch(page, -1) {
		text := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(m[1])
		if strings.Contains(text, line) {
			return text
		}
	}
	t.Errorf("no text to copy has %q", line)
	return ""
}

var preText = regexp.MustCompile(`(?s)<pre tabindex="0"><code>(.*?)</code></pre>`)

// TestPageForOthers: what is no browser gets addresses as JSON.
func TestPageForOthers(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	res := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: "/"})
	var got map[string]string
	if err := json.Unmarshal(res.Body, &got); err != nil || res.Status != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
	if got["api"] != s.URL+"/api/v1" || got["openapi"] != s.URL+"/api/v1/openapi.json" || got["docs"] != s.URL+"/docs/" || got["version"] != `1.2.3"<i>` {
		t.Errorf("%v", got)
	}
	if vary := strings.Join(res.Header.Values("Vary"), ","); !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Authorization") {
		t.Errorf("Vary: %q", vary)
	}
	head := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodHead, Path: "/"}.With("Accept", browser))
	if head.Status != http.StatusOK || head.Header.Get("Content-Length") == "" || len(head.Body) != 0 {
		t.Errorf("HEAD: %v", head)
	}
}

// TestPageRights: the page tells nobody of a repository that the visitor may not read, and nobody has to log in to see it.
func TestPageRights(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	description := `<script>alert("x")</script> & "more"`
	if _, err := s.Core.UpdateRepository(s.Admin, formatstest.OtherRepository, registry.RepositoryChange{Description: &description}); err != nil {
		t.Fatal(err)
	}
	bob := s.UserToken("bob", 0, access.Grant{Repository: formatstest.OtherRepository, Actions: []access.Action{access.Read}})
	nobody := s.UserToken("nobody", 0, access.Grant{Repository: "none-*", Actions: []access.Action{access.Read}})
	for who, c := range map[string]struct {
		as    formatstest.As
		has   []string
		lacks []string
	}{
		"anonymous": {formatstest.Anonymous, []string{"/login", "/npm/main/", "An example"}, []string{">other<", "<script>"}},
		"admin":     {formatstest.Admin, []string{"<strong>main</strong>", "<strong>other</strong>", "/npm/main/"}, []string{"/login", "<script>", "An example"}},
		"bob":       {bob, []string{"<strong>other</strong>", "/npm/other/", ">bob<"}, []string{"<strong>main</strong>", "/npm/main/", "<script>"}},
		"nobody":    {nobody, []string{"You may read none", ">nobody<"}, []string{"<strong>", "/login"}},
	} {
		page := s.page(c.as, "/")
		for _, text := range c.has {
			if !strings.Contains(page, text) {
				t.Errorf("%s does not see %q", who, text)
			}
		}
		for _, text := range c.lacks {
			if strings.Contains(page, text) {
				t.Errorf("%s sees %q", who, text)
			}
		}
	}
	if page := s.page(bob, "/"); !strings.Contains(page, `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; &#34;more&#34;`) {
		t.Error("the description is not there as text")
	}
	if page := s.page(formatstest.Admin, "/?repository=other"); !strings.Contains(page, "/npm/other/") || strings.Contains(page, "/npm/main/") {
		t.Error("the set-up lines are not those of the repository that was chosen")
	}
	for _, c := range []struct {
		as     formatstest.As
		path   string
		status int
	}{
		{formatstest.Anonymous, "/?login", 303}, {formatstest.Admin, "/?login", 200}, {"slp_wrong", "/", 401},
		{formatstest.Anonymous, "/?repository=main", 303}, {formatstest.Anonymous, "/?repository=absent", 303},
		{bob, "/?repository=main", 404}, {bob, "/?repository=absent", 404}, {bob, "/?repository=%3Cscript%3E", 404}, {bob, "/?repository=%ff", 400},
	} {
		res := s.get(c.as, c.path)
		if res.Status != c.status || strings.Contains(string(res.Body), "<script>") {
			t.Errorf("%s: %v, want %d", c.path, res, c.status)
		}
		if c.status == http.StatusUnauthorized && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: a browser is not asked for a password: %v", c.path, res.Header)
		}
		if to := res.Header.Get("Location"); c.status == http.StatusSeeOther && to != s.URL+"/login?next="+url.QueryEscape(c.path) {
			t.Errorf("%s: a visitor is sent to %q", c.path, to)
		}
		if c.status >= http.StatusBadRequest && !strings.Contains(string(res.Body), "<code>"+res.Header.Get("X-Request-Id")+"</code>") {
			t.Errorf("%s: the page does not show the request's id", c.path)
		}
	}
	if res := s.Do(formatstest.Anonymous, formatstest.Request{Method: http.MethodGet, Path: "/?login"}); res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a problem for a program: %v", res)
	}
}

const wantPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// TestPagePolicy: a page loads our own style and script, each by an address that changes with its bytes, has none of its own, and says so in
// its policy.
func TestPagePolicy(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true})
	for _, path := range []string{"/", "/docs/", "/?repository=absent"} {
		res := s.get(formatstest.Anonymous, path)
		page := string(res.Body)
		if got := res.Header.Get("Content-Security-Policy"); got != wantPolicy {
			t.Errorf("%s: %s\nwant %s", path, got, wantPolicy)
		}
		loaded := regexp.MustCompile(`<(?:link rel="stylesheet" href|script type="module" src)="([^"]*)"`).FindAllStringSubmatch(page, -1)
		if len(loaded) != 2 {
			t.Errorf("%s loads %v", path, loaded)
		}
		for _, m := range loaded {
			file, ours := strings.CutPrefix(m[1], s.URL)
			got := s.get(formatstest.Anonymous, file)
			if !ours || got.Status != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s loads %s: %v %v", path, m[1], got, got.Header)
			}
			name := file[strings.LastIndexByte(file, '/')+1:]
			if sum := sha256.Sum256(got.Body); !strings.Contains(name, hex.EncodeToString(sum[:8])) {
				t.Errorf("%s is not named by its bytes", name)
			}
		}
		if found := inlined.FindString(page); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(res.Header.Get("Cache-Control"), "no-") || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, res.Header)
		}
	}
	if res := s.get(formatstest.Anonymous, "/ui/style.css"); res.Status != http.StatusNotFound {
		t.Errorf("a file that no page names: %v", res)
	}
}

// inlined finds what the policy of a page forbids.
var inlined = regexp.MustCompile(`(?i)<script>|<script [^>]*[^/]></script>.|javascript:|\son[a-z]+=|\sstyle=|<style|<iframe|<object|<embed|@import|url\(`)

// TestPageTag: a page has an entity tag, is not sent again to who has it, and shrinks for who takes gzip; private pages say so.
func TestPageTag(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true})
	res := s.get(formatstest.Admin, "/")
	tag := res.Header.Get("Etag")
	if again := s.get(formatstest.Admin, "/", "If-None-Match", tag); tag == "" || again.Status != http.StatusNotModified || len(again.Body) != 0 || again.Header.Get("Content-Security-Policy") != wantPolicy {
		t.Errorf("%q: %v %v", tag, again, again.Header)
	}
	if other := s.get(formatstest.Anonymous, "/", "If-None-Match", tag); other.Status != http.StatusOK {
		t.Errorf("what another sees: %v", other)
	}
	if small := s.get(formatstest.Admin, "/", "Accept-Encoding", "gzip"); small.Header.Get("Content-Encoding") != "gzip" || len(small.Body) > len(res.Body)/2 || small.Header.Get("Etag") == tag {
		t.Errorf("%d bytes of %d: %v", len(small.Body), len(res.Body), small.Header)
	}
	if anyone := s.get(formatstest.Anonymous, "/"); anyone.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%v", anyone.Header)
	}
	if res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Authorization") {
		t.Errorf("%v", res.Header)
	}
	if missing := s.get(formatstest.Admin, "/r/absent", "If-None-Match", "*"); missing.Status != http.StatusNotFound || missing.Header.Get("Etag") != "" || missing.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page of an error: %v %v", missing, missing.Header)
	}
}

// TestPageIsWellFormed: elements are closed, ids are unique, and what a link or a label points to is there.
func TestPageIsWellFormed(t *testing.T) {
	s := newPage(t, formatstest.Options{AnonymousRead: true})
	page := s.page(formatstest.Anonymous, "/")
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page, "<!doctype html>")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids, wanted, elements := map[string]int{}, map[string]string{}, map[string]int{}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		elements[start.Name.Local]++
		for _, a := range start.Attr {
			switch {
			case a.Name.Local == "id":
				ids[a.Value]++
			case a.Name.Local == "aria-labelledby":
				wanted[a.Value] = "aria-labelledby"
			case a.Name.Local == "href" && strings.HasPrefix(a.Value, "#"):
				wanted[a.Value[1:]] = "href"
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%d elements have the id %q", n, id)
		}
	}
	for id, by := range wanted {
		if ids[id] == 0 {
			t.Errorf("%s=%q points nowhere", by, id)
		}
	}
	for element, n := range map[string]int{"html": 1, "header": 1, "main": 1, "footer": 1, "h1": 1, "nav": 2, "title": 1} {
		if elements[element] != n {
			t.Errorf("%d elements %s, want %d", elements[element], element, n)
		}
	}
	if !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, `name="viewport"`) {
		t.Error("language or viewport is missing")
	}
}

// TestPageLines is N8: the lines have the address under which the visitor reaches the server, in the form that each client needs.
func TestPageLines(t *testing.T) {
	trusted := httpserver.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for name, c := range map[string]struct {
		site         httpserver.Options
		header       []string
		base, docker string // docker is empty where images can't be reached
		warn         bool   // clients have to be told that there is no TLS
	}{
		"direct":     {},
		"host":       {header: []string{"Host", "registry.example.com:8080"}, base: "http://registry.example.com:8080", docker: "registry.example.com:8080", warn: true},
		"configured": {site: httpserver.Options{URL: "https://registry.example.com"}, base: "https://registry.example.com", docker: "registry.example.com"},
		"proxy": {site: trusted, header: []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "registry.example.com"},
			base: "https://registry.example.com", docker: "registry.example.com"},
		"prefix": {site: trusted, header: []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "example.com", "X-Forwarded-Prefix", "/slipway"},
			base: "https://example.com/slipway"},
		"untrusted": {header: []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPage(t, formatstest.Options{Site: c.site, AnonymousRead: true})
			if c.base == "" {
				c.base, c.docker = s.URL, s.Addr
			}
			page := s.page(formatstest.Anonymous, "/", c.header...)
			address := strings.TrimPrefix(strings.TrimPrefix(c.base, "https:"), "http:")
			for _, line := range []string{
				"registry=" + c.base + "/npm/main/",
				address + "/npm/main/:_authToken=${SLIPWAY_TOKEN}",
				"index-url = " + c.base + "/pypi/main/simple/",
				`url = "` + c.base + `/pypi/main/simple/"`,
				"--repository-url " + c.base + "/pypi/main/ ",
				"<url>" + c.base + "/maven/main</url>",
				"url = '" + c.base + "/maven/main'",
				"-T tool.tar.gz " + c.base + "/raw/main/tool/1.2.0/tool.tar.gz",
				"export SLIPWAY_SERVER=" + c.base + "\n",
				c.base + "/api/v1/repositories/main/packages",
			} {
				block(t, page, line)
			}
			if strings.Contains(page, "evil.example") {
				t.Error("a header of an untrusted peer is on the page")
			}
			if c.docker == "" {
				if strings.Contains(page, "docker login") || !strings.Contains(page, "Image names have no place for a path") {
					t.Error("images can't be reached below a path, and the page does not say so")
				}
			} else {
				block(t, page, "docker push "+c.docker+"/main/team/app:1.0")
				block(t, page, "oci://"+c.docker+"/main/charts")
				block(t, page, c.docker+"/main/reports:1.0")
			}
			for _, hint := range []string{"insecure-registries", "trusted-host = ", "allowInsecureProtocol"} {
				if strings.Contains(page, hint) != c.warn {
					t.Errorf("%q on the page: %v, want %v", hint, !c.warn, c.warn)
				}
			}
			// Yarn wants to be told on the visitor's own machine too.
			if strings.Contains(page, "unsafeHttpWhitelist") != strings.HasPrefix(c.base, "http:") {
				t.Errorf("unsafeHttpWhitelist on the page for %s", c.base)
			}
			var settings struct {
				ID string `xml:"servers>server>id"`
			}
			if err := xml.Unmarshal([]byte(block(t, page, "<settings>\n")), &settings); err != nil || settings.ID != "slipway" {
				t.Errorf("settings.xml: %+v, %v", settings, err)
			}
			var yarn map[string]any
			if err := yaml.Unmarshal([]byte(block(t, page, "npmRegistryServer")), &yarn); err != nil || yarn["npmRegistryServer"] != c.base+"/npm/main/" {
				t.Errorf(".yarnrc.yml: %v, %v", yarn, err)
			}
		})
	}
}

// TestPageFiles: an icon, robots.txt and the documentation.
func TestPageFiles(t *testing.T) {
	s := newPage(t, formatstest.Options{})
	icon := s.get(formatstest.Anonymous, "/favicon.ico")
	if icon.Status != http.StatusOK || icon.Header.Get("Content-Type") != "image/vnd.microsoft.icon" || !strings.HasPrefix(string(icon.Body), "\x00\x00\x01\x00") {
		t.Errorf("icon: %v", icon)
	}
	if at := bytes.Index(icon.Body, []byte("\x89PNG")); at < 0 {
		t.Error("the icon holds no picture")
	} else if picture, err := png.Decode(bytes.NewReader(icon.Body[at:])); err != nil || picture.Bounds().Dx() != 16 {
		t.Errorf("the icon: %v", err)
	}
	if res := s.get(formatstest.Anonymous, "/robots.txt"); !strings.Contains(string(res.Body), "User-agent: *\nDisallow: /api/\n") {
		t.Errorf("robots.txt: %v", res)
	}
	if res := s.get(formatstest.Anonymous, "/docs"); res.Status != http.StatusMovedPermanently || res.Header.Get("Location") != s.URL+"/docs/" {
		t.Errorf("/docs: %v", res)
	}
	contents := s.page(formatstest.Anonymous, "/docs/")
	pages := 0
	err := fs.WalkDir(docs.Pages, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		pages++
		want, err := fs.ReadFile(docs.Pages, path)
		mediaType := "text/plain; charset=utf-8"
		if strings.HasSuffix(path, ".webp") {
			mediaType = "image/webp"
		}
		if res := s.Do(formatstest.Anonymous, formatstest.Request{Path: "/docs/" + path}); !bytes.Equal(res.Body, want) || res.Header.Get("Content-Type") != mediaType {
			t.Errorf("%s: %v", path, res)
		}
		if mediaType == "text/plain; charset=utf-8" && !strings.Contains(contents, fmt.Sprintf(`href="%s/docs/%s"`, s.URL, path)) {
			t.Errorf("%s is not among the contents", path)
		}
		return err
	})
	if err != nil || pages < 8 {
		t.Errorf("%d pages, %v", pages, err)
	}
	for _, path := range []string{"/docs/absent.md", "/docs/docs.go", "/docs/protocols/none.md", "/docs/..%2fgo.mod", "/docs//operations.md", "/index.html"} {
		if status, body := s.Raw(t, http.MethodGet, path, formatstest.Anonymous); status != http.StatusNotFound {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}
