package oci_test

import (
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/oci"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream runs what all formats share about registries elsewhere.
func TestUpstream(t *testing.T) {
	formatstest.RunUpstream(t, formatstest.Upstream{
		New:  oci.New,
		Long: true,
		URL:  (*upstreamtest.Server).OCIURL,
		Publish: func(u *upstreamtest.Server, pkg string, size int64) formatstest.Elsewhere {
			image := u.OCIImage(pkg, "1.0", upstreamtest.ImageSpec{Layers: []int64{size}})
			layer := image.Platforms["linux/amd64"].Layers[1]
			return formatstest.Elsewhere{File: layer, Local: "/v2/mirror/" + pkg + "/blobs/" + layer.Digest(), Document: "/v2/mirror/" + pkg + "/manifests/1.0", Pinned: true}
		},
	})
}
