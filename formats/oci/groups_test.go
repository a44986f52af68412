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
// it. A caller who may push need not send what a member has
// that the caller may read.
func TestGroupBlobs(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	m := s.image("main/app", "config", "a layer")
	d := s.push("main/app", "1.0", m)
	subject := m.desc()
	signature := s.image("other/app", "signature of it", "signed")
	signature.Subject = &subject
	signed := s.push("other/app", "", signature)
	s.Group("all", "main", "other")
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
	s.want(http.StatusOK, formatstest.Admin, http.MethodGet, layer, nil)
	pusher := s.token("all", access.Read, access.Publish)
	config := digestOf([]byte("{}"))
	s.want(http.StatusOK, pusher, http.MethodHead, layer, nil)
	s.want(http.StatusNotFound, pusher, http.MethodHead, "all/app/blobs/"+config.String(), nil)
	s.want(http.StatusCreated, pusher, http.MethodPut, "all/new/app/manifests/2.0", m.bytes(), "Content-Type", m.MediaType)
	s.want(http.StatusOK, pusher, http.MethodGet, "all/new/app/blobs/"+m.Layers[0].Digest.String(), nil)
	s.want(http.StatusNotFound, s.token("other", access.Read, access.Publish), http.MethodHead, "other/app/blobs/"+m.Layers[0].Digest.String(), nil)
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

// TestClientsGroupWrites: crane and skopeo push through a repository whose upstream takes writes: an image whose base only another
// upstream has, of which they need not send what they know to be there.
func TestClientsGroupWrites(t *testing.T) {
	s := newServer(t, formatstest.Options{Local: true})
	m := newMachine(t, s)
	m.publisher()
	m.records("crane", "push and mount through a repository that hands writes on", "version")
	var list []upstreams.NewUpstream
	for _, name := range []string{"main", "other"} {
		list = append(list, upstreams.NewUpstream{Type: metadata.UpstreamRepository, Repository: name, Settings: upstreams.Settings{Writes: name == "main"}})
	}
	if _, err := s.Core.CreateRepository(s.Admin, "all", registry.RepositoryChange{Also: s.Upstreams.Replacing(s.Admin, list)}); err != nil {
		t.Fatal(err)
	}
	base, app := s.Addr+"/all/library/base:1", s.Addr+"/all/team/app:1"
	m.ok("crane", "append", "-f", m.layer("base", strings.Repeat("base", 50_000)), "-t", s.Addr+"/other/library/base:1")
	since := len(s.Log())
	m.ok("crane", "append", "-b", base, "-f", m.layer("one", "one"), "-t", app)
	m.ok("crane", "validate", "--remote", app)
	d := m.ok("crane", "digest", s.Addr+"/main/team/app:1")
	m.ok("crane", "validate", "--remote", s.Addr+"/main/team/app@"+d)
	if got := s.status(since, "upload_start"); len(got) != 2 {
		t.Errorf("more was sent than a layer and the configuration: %v", got)
	}
	m.ok("skopeo", m.skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://"+base, "docker://"+s.Addr+"/all/team/copy:1")...)
	m.ok("crane", "validate", "--remote", s.Addr+"/main/team/copy:1")
	m.ok("crane", "tag", app, "v2")
	m.ok("crane", "delete", app)
	m.fails("MANIFEST_UNKNOWN", "crane", "manifest", s.Addr+"/main/team/app:1")
	s.MustFsck(t)
}

// TestPromoteIndex: an image for several platforms is promoted whole.
func TestPromoteIndex(t *testing.T) {
	s := newServer(t, formatstest.Options{})
	index := man{SchemaVersion: 2, MediaType: indexType}
	var layers []string
	for _, platform := range []string{"one", "two"} {
		m := s.image("main/app", "config of "+platform, "layer of "+platform)
		s.push("main/app", "", m)
		index.Manifests = append(index.Manifests, m.desc())
		layers = append(layers, m.Layers[0].Digest.String())
	}
	d := s.push("main/app", "1.0", index)
	at := registry.Name{Repository: "main", Format: "oci", Package: "app", Display: "app"}.At(d.String())
	if _, _, err := s.Upstreams.Promote(s.Admin, at, "other", []string{"stable"}); err != nil {
		t.Fatal(err)
	}
	reader := s.token("other", access.Read)
	s.want(http.StatusOK, reader, http.MethodGet, "other/app/manifests/stable", nil)
	for i, child := range index.Manifests {
		s.want(http.StatusOK, reader, http.MethodGet, "other/app/manifests/"+child.Digest.String(), nil)
		s.want(http.StatusOK, reader, http.MethodGet, "other/app/blobs/"+layers[i], nil)
	}
	stored := 0
	for _, e := range s.events() {
		if strings.Contains(e.Type, "artifact.stored") {
			stored++
		}
	}
	if stored != 4 {
		t.Errorf("%d parts were told of as parts, want 4", stored)
	}
	s.MustFsck(t)
}
