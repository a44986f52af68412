package oci_test

import (
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/integration/upstream/upstreamtest"
)

// TestRemotes runs what all formats share about registries elsewhere.
func TestRemotes(t *testing.T) {
	manifests := func(repository, pkg string) string { return "/v2/" + repository + "/" + pkg + "/manifests/" }
	formatstest.RunRemotes(t, formatstest.Remotes{
		New: oci.New,
		URL: (*upstreamtest.Server).OCIURL,
		Key: func(pkg string) string { return pkg },
		Put: func(u *upstreamtest.Server, pkg, version, seed string) *upstreamtest.File {
			return u.OCIImage(pkg, version, upstreamtest.ImageSpec{Text: seed}).Manifest
		},
		Get: func(ask func(formatstest.Request) formatstest.Response, repository, pkg, version string) formatstest.Response {
			return ask(formatstest.Request{Method: http.MethodGet, Path: manifests(repository, pkg) + version})
		},
		Exact: func(repository, pkg, _ string, f *upstreamtest.File) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: manifests(repository, pkg) + "sha256:" + f.SHA256()}
		},
		Publish: func(repository, pkg, version string) []formatstest.Request {
			return []formatstest.Request{
				{Method: http.MethodPost, Path: "/v2/" + repository + "/" + pkg + "/blobs/uploads/?digest=" + digestOf(emptyJSON).String(), Body: emptyJSON},
				{Method: http.MethodPut, Path: manifests(repository, pkg) + version, Body: emptyIndex(version)},
			}
		},
	})
}
