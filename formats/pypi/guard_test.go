package pypi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestRemotes runs what all formats share about registries elsewhere.
func TestRemotes(t *testing.T) {
	formatstest.RunRemotes(t, formatstest.Remotes{
		New:   func() formats.Format { return New() },
		URL:   (*upstreamtest.Server).PyPIURL,
		Key:   func(pkg string) string { return pkg },
		Lists: true,
		Put: func(u *upstreamtest.Server, pkg, version, seed string) *upstreamtest.File {
			return u.PyPI(pkg, version, upstreamtest.PyPIFile{Metadata: []string{"Summary: " + seed}})[0]
		},
		Get: func(ask func(formatstest.Request) formatstest.Response, repository, pkg, version string) formatstest.Response {
			res := ask(formatstest.Request{Method: http.MethodGet, Path: prefix + repository + "/simple/" + pkg + "/"}.With("Accept", "application/vnd.pypi.simple.v1+json"))
			var page struct {
				Files []struct{ Filename, URL string }
			}
			if res.Status != http.StatusOK || json.Unmarshal(res.Body, &page) != nil {
				return res
			}
			for _, f := range page.Files {
				if f.Filename == (dist{name: pkg, version: version}).wheelName() {
					base, _ := url.Parse(prefix + repository + "/simple/" + pkg + "/")
					u, _ := base.Parse(f.URL)
					return ask(formatstest.Request{Method: http.MethodGet, Path: u.EscapedPath()})
				}
			}
			return formatstest.Response{Status: http.StatusNotFound, Body: res.Body}
		},
		Exact: func(repository, _, _ string, f *upstreamtest.File) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: prefix + repository + "/files/" + f.SHA256() + "/" + path.Base(f.Path)}
		},
		Publish: func(repository, pkg, version string) []formatstest.Request {
			return []formatstest.Request{uploadRequest(t, repository, post{file: dist{name: pkg, version: version}.wheelName(), content: dist{name: pkg, version: version}.wheel(t)})}
		},
	})
}
