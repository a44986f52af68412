package npm

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestRemotes runs what all formats share about registries elsewhere.
func TestRemotes(t *testing.T) {
	formatstest.RunRemotes(t, formatstest.Remotes{
		New:   func() formats.Format { return New() },
		URL:   (*upstreamtest.Server).NPMURL,
		Key:   func(pkg string) string { return pkg },
		Lists: true,
		Put: func(u *upstreamtest.Server, pkg, version, seed string) *upstreamtest.File {
			return u.NPM(pkg, version, upstreamtest.NPMVersion{Files: map[string]string{"seed": seed}})
		},
		Get: func(ask func(formatstest.Request) formatstest.Response, repository, pkg, version string) formatstest.Response {
			res := ask(formatstest.Request{Method: http.MethodGet, Path: "/npm/" + repository + "/" + pkg})
			var doc struct {
				Versions map[string]struct{ Dist struct{ Tarball string } }
			}
			if res.Status != http.StatusOK || json.Unmarshal(res.Body, &doc) != nil {
				return res
			}
			v, ok := doc.Versions[version]
			if !ok {
				return formatstest.Response{Status: http.StatusNotFound, Body: res.Body}
			}
			u, _ := url.Parse(v.Dist.Tarball)
			return ask(formatstest.Request{Method: http.MethodGet, Path: u.EscapedPath()})
		},
		Exact: func(repository, pkg, version string, _ *upstreamtest.File) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: "/npm/" + repository + tarballOf(pkg, version)}
		},
		Publish: func(repository, pkg, version string) []formatstest.Request {
			return []formatstest.Request{{Method: http.MethodPut, Path: "/npm/" + repository + "/" + pkg, Body: pub{name: pkg, version: version}.body(t)}}
		},
	})
}
