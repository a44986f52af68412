package oci_test

import (
	"net/http"
	"path/filepath"
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

// TestClientsGroup: crane and skopeo pull an image of a member through the repository that answers from it, and may not read the member.
func TestClientsGroup(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	m := newMachine(t, s)
	m.publisher()
	m.records("skopeo", "copy through a repository that answers from others", "--version")
	app := s.Addr + "/main/app:1"
	m.ok("crane", "append", "-f", m.layer("one", strings.Repeat("one", 50_000)), "-t", app)
	d := m.ok("crane", "digest", app)
	through := upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: "main", Settings: upstreams.Settings{Through: true}}
	if _, err := s.Core.CreateRepository(s.Admin, "all", registry.RepositoryChange{Also: s.Upstreams.Replacing(s.Admin, []upstreams.NewUpstream{through})}); err != nil {
		t.Fatal(err)
	}
	m.login(string(s.token("all", access.Read)))
	image := s.Addr + "/all/app"
	if got := m.ok("crane", "digest", image+":1"); got != d {
		t.Errorf("the digest is %s, want %s", got, d)
	}
	m.ok("crane", "validate", "--remote", image+":1")
	m.ok("crane", "validate", "--remote", image+"@"+strings.TrimSpace(d))
	m.ok("skopeo", m.skopeo("copy", "--src-tls-verify=false", "docker://"+image+":1", "oci:"+filepath.Join(m.home, "copy"))...)
	if tags := m.ok("crane", "ls", image); strings.TrimSpace(tags) != "1" {
		t.Errorf("the tags: %s", tags)
	}
}
