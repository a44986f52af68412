package maven

import (
	"bytes"
	"net/http"
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestRemotes runs what all formats share about registries elsewhere.
func TestRemotes(t *testing.T) {
	formatstest.RunRemotes(t, formatstest.Remotes{
		New:      func() formats.Format { return New(Options{}) },
		URL:      (*upstreamtest.Server).MavenURL,
		Key:      func(pkg string) string { return "com.acme:" + pkg },
		Settings: map[string]any{"maven_immediate": true},
		Lists:    true,
		Put: func(u *upstreamtest.Server, pkg, version, seed string) *upstreamtest.File {
			return u.Maven("com.acme:"+pkg+":"+version, upstreamtest.MavenVersion{Files: map[string]string{"seed": seed}})[1]
		},
		Get: func(ask func(formatstest.Request) formatstest.Response, repository, pkg, version string) formatstest.Response {
			res := ask(formatstest.Request{Method: http.MethodGet, Path: "/maven/" + repository + "/com/acme/" + pkg + "/maven-metadata.xml"})
			if res.Status != http.StatusOK {
				return res
			}
			if !bytes.Contains(res.Body, []byte("<version>"+version+"</version>")) {
				return formatstest.Response{Status: http.StatusNotFound, Body: res.Body}
			}
			return ask(formatstest.Request{Method: http.MethodGet, Path: suitePath(repository, pkg, version)})
		},
		Exact: func(repository, pkg, version string, _ *upstreamtest.File) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: suitePath(repository, pkg, version)}
		},
		Publish: func(repository, pkg, version string) []formatstest.Request {
			return []formatstest.Request{{Method: http.MethodPut, Path: suitePath(repository, pkg, version), Body: []byte("published " + version)}}
		},
	})
}
