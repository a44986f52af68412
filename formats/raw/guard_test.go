package raw_test

import (
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/integration/upstream/upstreamtest"
)

// TestRemotes runs what all formats share about registries elsewhere.
func TestRemotes(t *testing.T) {
	formatstest.RunRemotes(t, formatstest.Remotes{
		New:   raw.New,
		URL:   (*upstreamtest.Server).RawURL,
		Files: true,
		Key:   func(pkg string) string { return pkg },
		Put: func(u *upstreamtest.Server, pkg, version, seed string) *upstreamtest.File {
			return u.Raw(pkg+"/"+version+"/bin/file.bin", []byte(seed+" "+version))
		},
		Get: func(ask func(formatstest.Request) formatstest.Response, repository, pkg, version string) formatstest.Response {
			return ask(formatstest.Request{Method: http.MethodGet, Path: path(repository, pkg, version)})
		},
		Publish: func(repository, pkg, version string) []formatstest.Request {
			return []formatstest.Request{{Method: http.MethodPut, Path: path(repository, pkg, version), Body: []byte("published " + version)}}
		},
	})
}
