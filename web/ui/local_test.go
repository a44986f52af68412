package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestPagesWait: pages of packages from registries elsewhere are there at once, with what is here, while these do not answer, also where they own the
// names and what they told is old. They are not asked for a page.
func TestPagesWait(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	u.NPM("web", "1.4.2", upstreamtest.NPMVersion{})
	u.NPM("fresh", "1.0.0", upstreamtest.NPMVersion{})
	u.PyPI("tool", "1.0", upstreamtest.PyPIFile{})
	u.Maven("com.acme:lib:1.0", upstreamtest.MavenVersion{})
	u.Raw("file/1.0/a.txt", []byte("a"))
	u.OCI("app", "1.0")
	s := newPage(t, formatstest.Options{}, all.All()...)
	for format, address := range map[string]string{"npm": u.NPMURL(), "pypi": u.PyPIURL(), "maven": u.MavenURL(), "raw": u.RawURL(), "oci": u.OCIURL()} {
		s.Remote(format+"-mirror", format, address)
		s.SetRemote(format+"-mirror", `{"owns":true,"ttl":"1s"}`)
	}
	for _, path := range []string{"/npm/npm-mirror/web", "/npm/npm-mirror/web/-/web-1.4.2.tgz", "/pypi/pypi-mirror/simple/tool/", "/maven/maven-mirror/com/acme/lib/maven-metadata.xml",
		"/maven/maven-mirror/com/acme/lib/1.0/lib-1.0.pom", "/raw/raw-mirror/file/1.0/a.txt", "/v2/oci-mirror/app/manifests/1.0"} {
		if res := s.get(formatstest.Admin, path, "Accept", "*/*"); res.Status != http.StatusOK {
			t.Fatalf("%s: %v", path, res)
		}
	}
	time.Sleep(1100 * time.Millisecond) // what was told is old
	u.On("**", upstreamtest.Hang())
	u.Reset()
	for _, c := range []struct {
		path, version string
		status        int
	}{
		{"/r/npm-mirror/npm/web", "1.4.2", 200}, {"/r/pypi-mirror/pypi/tool", "1.0", 200}, {"/r/maven-mirror/maven/com.acme:lib", "1.0", 200}, {"/r/raw-mirror/raw/file", "1.0", 200},
		{"/r/oci-mirror/oci/app", "", 200}, {"/r/npm-mirror/npm/fresh", "1.0.0", 404},
	} {
		format := strings.Split(c.path, "/")[3]
		list := []string{c.path, c.path + "/-/versions", c.path + "/-/tags", c.path + "/-/dependencies", c.path + "/-/activity", c.path + "/-/origin"}
		if c.version != "" {
			list = append(list, c.path+"/v/"+url.PathEscape(c.version))
		}
		if format == "oci" {
			list = append(list, "/r/oci-mirror", "/search?q=app")
		}
		for _, path := range list {
			began := time.Now()
			res := s.get(formatstest.Admin, path)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s took %s", path, took)
			}
			if res.Status != c.status && !strings.HasSuffix(path, "/-/origin") {
				t.Errorf("%s: %d, want %d", path, res.Status, c.status)
			}
			if c.status == http.StatusOK && path == c.path && !strings.Contains(string(res.Body), c.version) {
				t.Errorf("%s does not show what is here", path)
			}
		}
	}
	u.NeverAsked(t, "**")
}
