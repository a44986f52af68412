package pypi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// BenchmarkSimplePage asks for a project's page again and again: of a project that is published here, and of one from a registry elsewhere
// whose page is fresh.
func BenchmarkSimplePage(b *testing.B) {
	e, u := newEnv(b, formatstest.Options{}), upstreamtest.New(b, upstreamtest.Options{})
	_, err := e.Core.CreateRepository(e.Admin, "mirror", registry.RepositoryChange{Also: e.Upstreams.Replacing(e.Admin, []upstreams.NewUpstream{
		{Name: "up", Type: metadata.UpstreamRemote, Format: formatName, URL: u.PyPIURL(), Settings: upstreams.Settings{Redirects: []string{"127.0.0.1"}}}})})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 50 {
		version := fmt.Sprintf("1.%d", i)
		e.wheel(dist{name: "page", version: version})
		u.PyPI("page", version)
	}
	token := e.Token("*", access.Read)
	for _, repository := range []string{"main", "mirror"} {
		b.Run(repository, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, "/pypi/"+repository+"/simple/page/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				w.Body = nil
				e.Router.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
