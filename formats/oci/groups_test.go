package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/upstreams"
)

// TestGroupBlobs: an image of a member is pulled whole through the repository that answers from it, with what another member says about
// it. A caller who may push is told to send the blobs that only a member has.
func TestGroupBlobs(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	m := s.image("main/app", "config", "a layer")
	d := s.push("main/app", "1.0", m)
	subject := m.desc()
	signature := s.image("other/app", "signature of it", "signed")
	signature.Subject = &subject
	signed := s.push("other/app", "", signature)
	var list []upstreams.NewUpstream
	for _, name := range []string{"main", "other"} {
		list = append(list, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name, Settings: upstreams.Settings{Through: true}})
	}
	if _, err := s.Core.CreateRepository(s.Admin, "all", registry.RepositoryChange{Also: s.Upstreams.Replacing(s.Admin, list)}); err != nil {
		t.Fatal(err)
	}
	reader := s.token("all", access.Read)
	layer := "all/app/blobs/" + m.Layers[0].Digest.String()
	for _, path := range []string{"all/app/manifests/1.0", "all/app/manifests/" + d.String(), layer, "all/app/blobs/" + m.Config.Digest.String(), "all/app/tags/list"} {
		s.want(http.StatusOK, reader, http.MethodGet, path, nil)
		s.want(http.StatusOK, reader, http.MethodHead, path, nil)
	}
	if res := s.want(http.StatusPartialContent, reader, http.MethodGet, layer, nil, "Range", "bytes=2-"); string(res.Body) != "layer" {
		t.Errorf("a range: %v", res)
	}
	if res := s.want(http.StatusOK, reader, http.MethodGet, "all/app/referrers/"+d.String(), nil); !strings.Contains(string(res.Body), signed.String()) {
		t.Errorf("referrers: %v", res)
	}
	if res := s.want(http.StatusNotFound, reader, http.MethodGet, "all/app/blobs/"+digestOf([]byte("none")).String(), nil); strings.Contains(string(res.Body), "main") {
		t.Errorf("the name of a member: %v", res)
	}
	s.want(http.StatusNotFound, formatstest.Admin, http.MethodHead, layer, nil)
	s.want(http.StatusOK, formatstest.Admin, http.MethodGet, layer, nil)
	if res := s.want(http.StatusOK, reader, http.MethodGet, "_catalog", nil); !strings.Contains(string(res.Body), `"all/app"`) {
		t.Errorf("the catalog: %v", res)
	}
	s.MustFsck(t)
}
