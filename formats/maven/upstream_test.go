package maven

import (
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream runs what all formats share about registries elsewhere.
func TestUpstream(t *testing.T) {
	formatstest.RunUpstream(t, formatstest.Upstream{
		New: func() formats.Format { return New(Options{}) },
		URL: (*upstreamtest.Server).MavenURL,
		Publish: func(u *upstreamtest.Server, pkg string, size int64) formatstest.Elsewhere {
			f := u.Maven("com.acme:"+pkg+":1.0", upstreamtest.MavenVersion{Size: size})[1]
			return formatstest.Elsewhere{File: f, Local: "/maven/mirror/com/acme/" + pkg + "/1.0/" + pkg + "-1.0.jar"}
		},
	})
}
