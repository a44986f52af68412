package maven

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

var refusal = formatstest.ReadRefusal

const plainText = "text/plain; charset=utf-8"

// TestAbsent is M8: the 404 of a read is never problem+json, whatever is missing and whoever asks. Maven 3.9.11 and newer take
// problem+json for a failure of the repository, and end the build.
func TestAbsent(t *testing.T) {
	e := newEnv(t, Options{})
	e.deploy(formatstest.Admin, "1.0", "bytes")
	e.put(e.publisher(), "com/acme/lib/2.0/lib-2.0.jar", "staged", 201)
	elsewhere := formatstest.As(e.Token("main", access.Publish))
	for _, path := range []string{
		"com/acme/none/maven-metadata.xml", "com/acme/none/maven-metadata.xml.sha1", "com/acme/none/1.0-SNAPSHOT/maven-metadata.xml", "com/none/maven-metadata.xml",
		"com/acme/lib/1.0/lib-1.0-sources.jar", "com/acme/lib/1.0/lib-1.0.jar.sha3", "com/acme/lib/1.0/lib-1.0.jar.sha1.md5.sha1", "com/acme/lib/3.0/lib-3.0.pom",
		"com/acme/lib/2.0/lib-2.0.jar", "com/acme/lib/", "com/acme/lib", "archetype-catalog.xml", ".meta/prefixes.txt", ".index/nexus-maven-repository-index.gz", "",
		"/maven/main", "/maven/", "/maven/none/com/acme/lib/1.0/lib-1.0.jar", "/maven/none/com/acme/lib/maven-metadata.xml",
	} {
		for _, accept := range []string{"", "*/*", "application/problem+json,*/*", "application/json"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				res := e.want(e.do(e.reader(), method, path, "", "Accept", accept), path, http.StatusNotFound)
				if got := res.Header.Get("Content-Type"); got != plainText {
					t.Errorf("%s %s: %s", method, path, got)
				}
				if method == http.MethodGet && !strings.HasPrefix(string(res.Body), "Not Found") || method == http.MethodHead && len(res.Body) > 0 {
					t.Errorf("%s %s: %q", method, path, res.Body)
				}
			}
		}
		if res := e.do(elsewhere, http.MethodGet, path, ""); res.Status == http.StatusNotFound && res.Header.Get("Content-Type") != plainText {
			t.Errorf("%s without the right to read: %v", path, res.Header)
		}
	}
	// What is refused has its sentence for the clients that print it.
	for path, status := range map[string]int{"com/acme/lib/1.0/lib-1.0.jar": 409, "com/acme/lib/1.0/../x": 400, "/maven/none/com/acme/lib/1.0/lib-1.0.jar": 404} {
		if res := e.put(e.publisher(), path, "other", status); formatstest.ProblemRefusal(res) != nil {
			t.Errorf("PUT %s: %v", path, formatstest.ProblemRefusal(res))
		}
	}
}
