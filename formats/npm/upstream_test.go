package npm

import (
	"testing"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream runs what all formats share about registries elsewhere.
func TestUpstream(t *testing.T) {
	formatstest.RunUpstream(t, formatstest.Upstream{
		New: func() formats.Format { return New() },
		URL: (*upstreamtest.Server).NPMURL,
		Publish: func(u *upstreamtest.Server, pkg string, size int64) formatstest.Elsewhere {
			f := u.NPM(pkg, "1.0.0", upstreamtest.NPMVersion{Size: size})
			return formatstest.Elsewhere{File: f, Local: "/npm/mirror/" + pkg + "/-/" + pkg + "-1.0.0.tgz", Document: "/npm/mirror/" + pkg}
		},
	})
}
