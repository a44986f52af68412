package pypi

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
		URL: (*upstreamtest.Server).PyPIURL,
		Publish: func(u *upstreamtest.Server, pkg string, size int64) formatstest.Elsewhere {
			f := u.PyPI(pkg, "1.0", upstreamtest.PyPIFile{Size: size})[0]
			return formatstest.Elsewhere{File: f, Local: "/pypi/mirror/files/" + f.SHA256() + "/" + pkg + "-1.0-py3-none-any.whl", Document: "/pypi/mirror/simple/" + pkg + "/", Pinned: true}
		},
	})
}
