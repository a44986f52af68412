package oci_test

import (
	"fmt"
	"net/http"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// TestUpstream51 is upstreams.md acceptance 51: the URLs that a manifest gives for a layer are never asked, whatever they are; the layer comes
// from the registry or not at all.
func TestUpstream51(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	victim := upstreamtest.New(t, upstreamtest.Options{})
	theirs := victim.OCIBlob("x", []byte("theirs"))
	config := m.u.OCIBlob("team/app", []byte("{}"))
	manifest := m.u.OCIManifest("team/app", "1.0", imageType, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":2},
"layers":[{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":%q,"size":6,"urls":[%q,"http://169.254.169.254/x","file:///etc/passwd"]}]}`,
		imageType, configType, config.Digest(), theirs.Digest(), theirs.URL))
	m.same(m.get("team/app/manifests/1.0"), manifest)
	for _, res := range []formatstest.Response{m.get("team/app/blobs/" + theirs.Digest()), m.head("team/app/blobs/" + theirs.Digest())} {
		if res.Status != http.StatusNotFound {
			t.Errorf("the layer: %v", res)
		}
	}
	victim.NeverAsked(t, "**")
	m.MustFsck(t)
}
