package npm

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/access"
)

// BenchmarkWarm asks for a packument and a tarball again and again: of a package that is published here, through a group as well, and of one
// from a registry elsewhere that is fresh. What the last adds is what a mirror costs.
func BenchmarkWarm(b *testing.B) {
	m, u := newEnv(b, formatstest.Options{Local: true}), upstreamtest.New(b, upstreamtest.Options{})
	m.Remote("mirror", formatName, u.NPMURL())
	for i := range 20 {
		version := fmt.Sprintf("1.%d.0", i)
		m.publish(pub{name: "web", version: version})
		u.NPM("web", version, upstreamtest.NPMVersion{})
	}
	m.Group("group", "main")
	token := m.Token("*", access.Read)
	for _, path := range []string{"/web", "/web/-/web-1.7.0.tgz"} {
		for _, repository := range []string{"main", "group", "mirror"} {
			b.Run(repository+path, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodGet, "/npm/"+repository+path, nil)
					r.Header.Set("Authorization", "Bearer "+token)
					w := httptest.NewRecorder()
					w.Body = nil
					m.Router.ServeHTTP(w, r)
					if w.Code != http.StatusOK {
						b.Fatal(w.Code)
					}
				}
			})
		}
	}
}
