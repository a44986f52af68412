package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
	"slipway/registry/ledger"
)

// open begins a download of a range; the caller closes the body.
func (m *mirrored) open(ctx context.Context, path, rng string) *http.Response {
	m.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+"/v2/mirror/"+path, nil)
	must(m.t, err)
	r.Header.Set("Authorization", "Bearer "+string(m.as))
	if rng != "" {
		r.Header.Set("Range", rng)
	}
	res, err := http.DefaultClient.Do(r)
	must(m.t, err)
	return res
}

// TestRemoteRanges: while a long layer comes, a range that is near waits for it, one that is far comes straight from the registry, and a
// client whose download broke goes on where it was. The registry sends the layer once.
func TestRemoteRanges(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Layers: []int64{24 << 20}})
	layer := image.Platforms["linux/amd64"].Layers[1]
	m.same(m.get("team/app/manifests/1.0"), image.Manifest)
	release := make(chan struct{})
	m.u.OnRequest(func(r *http.Request) bool { return r.URL.Path == layer.Path && r.Header.Get("Range") == "" }, upstreamtest.HoldAt(6<<20, release))
	path := "team/app/blobs/" + layer.Digest()

	ctx, leave := context.WithCancel(t.Context())
	first := m.open(ctx, path, "")
	if _, err := io.ReadFull(first.Body, make([]byte, 1<<20)); err != nil || first.Header.Get("Etag") != `"`+layer.Digest()[7:]+`"` {
		t.Fatalf("the first bytes: %v, %v", err, first.Header)
	}
	leave() // the client's network breaks
	_ = first.Body.Close()

	const far = 20 << 20
	res := m.open(t.Context(), path, fmt.Sprintf("bytes=%d-%d", far, far+999))
	got, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusPartialContent || !bytes.Equal(got, layer.Bytes()[far:far+1000]) ||
		res.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", far, far+999, layer.Size()) {
		t.Errorf("a far range: %d, %d bytes, %v", res.StatusCode, len(got), err)
	}
	if sent := m.u.Matching(http.MethodGet, layer.Path)[1]; sent.Header.Get("Range") != fmt.Sprintf("bytes=%d-%d", far, far+999) || sent.Header.Get("If-Range") == "" {
		t.Errorf("what was asked for: %v", sent.Header)
	}

	again := m.open(t.Context(), path, "bytes=1048576-")
	defer again.Body.Close()
	if again.StatusCode != http.StatusPartialContent || again.ContentLength != layer.Size()-1<<20 {
		t.Errorf("resumed: %d, %d bytes", again.StatusCode, again.ContentLength)
	}
	near := make(chan struct{})
	go func() {
		defer close(near)
		rest, err := io.ReadAll(again.Body)
		if err != nil || !bytes.Equal(rest, layer.Bytes()[1<<20:]) {
			t.Errorf("the rest: %d bytes, %v", len(rest), err)
		}
	}()
	close(release)
	<-near
	m.u.Asked(t, 2, http.MethodGet, layer.Path) // all, and the far range
	m.same(m.get(path), layer)
	m.MustFsck(t)
}

// TestRemoteFarRangeRefused: a registry that sends no part gets no second request for all: the range waits for the transfer.
func TestRemoteFarRangeRefused(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Layers: []int64{24 << 20}})
	layer := image.Platforms["linux/amd64"].Layers[1]
	m.same(m.get("team/app/manifests/1.0"), image.Manifest)
	release := make(chan struct{})
	m.u.On(layer.Path, upstreamtest.NoRanges())
	m.u.OnRequest(func(r *http.Request) bool { return r.URL.Path == layer.Path && r.Header.Get("Range") == "" }, upstreamtest.HoldAt(6<<20, release))
	path := "team/app/blobs/" + layer.Digest()
	go func() {
		m.u.Wait(t, 2, http.MethodGet, layer.Path)
		close(release)
	}()
	res := m.open(t.Context(), path, "bytes=20000000-20000099")
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusPartialContent || !bytes.Equal(got, layer.Bytes()[20_000_000:20_000_100]) {
		t.Errorf("%d, %d bytes, %v", res.StatusCode, len(got), err)
	}
}

// TestRemoteOnce: clients that want the same things at once cost the registry one request for each.
func TestRemoteOnce(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCI("team/app", "1.0")
	p := image.Platforms["linux/amd64"]
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			for path, f := range map[string]*upstreamtest.File{"manifests/1.0": image.Manifest, "blobs/" + p.Config.Digest(): p.Config} {
				if strings.HasPrefix(path, "blobs") {
					m.same(m.get("team/app/manifests/1.0"), image.Manifest)
				}
				m.same(m.get("team/app/"+path), f)
			}
		})
	}
	all.Wait()
	m.u.AskedOnce(t, http.MethodHead, "/v2/team/app/manifests/1.0")
	m.u.AskedOnce(t, http.MethodGet, image.Manifest.Path)
	m.u.AskedOnce(t, http.MethodGet, p.Config.Path)
	if n := m.entries("cache.*"); n != 2 {
		t.Errorf("%d entries", n)
	}
	m.MustFsck(t)
}

// TestRemoteSharedLayer: a layer that two images of a name share is fetched once, and is a file of both, whichever came first.
func TestRemoteSharedLayer(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	base := m.u.OCIBlob("team/app", bytes.Repeat([]byte("base"), 1000))
	var manifests []*upstreamtest.File
	for i := range 3 {
		config := m.u.OCIBlob("team/app", []byte(`{"n":`+strconv.Itoa(i)+`}`))
		man := man{SchemaVersion: 2, MediaType: imageType, Config: &desc{configType, digestOf(config.Bytes()), int(config.Size()), "", nil, nil},
			Layers: []desc{content(layerType, base.Bytes())}}
		manifests = append(manifests, m.u.OCIManifest("team/app", strconv.Itoa(i), imageType, man.bytes()))
	}
	m.same(m.get("team/app/manifests/0"), manifests[0])
	m.same(m.get("team/app/manifests/1"), manifests[1])
	m.same(m.get("team/app/blobs/"+base.Digest()), base)
	m.same(m.get("team/app/manifests/2"), manifests[2])
	m.u.AskedOnce(t, http.MethodGet, base.Path)
	for _, f := range manifests[:2] {
		m.want(http.StatusAccepted, formatstest.Admin, http.MethodDelete, "mirror/team/app/manifests/"+f.Digest(), nil)
	}
	m.u.Origin.Down()
	m.same(m.get("team/app/blobs/"+base.Digest()), base)
	m.MustFsck(t)

	m.u.Origin.Up(t) // what a person deleted is not fetched again, and the tag has nothing to name
	for _, path := range []string{"team/app/manifests/0", "team/app/manifests/" + manifests[0].Digest()} {
		if res := m.get(path); res.Status != http.StatusNotFound {
			t.Errorf("a deleted image: %v", res)
		}
	}
	m.u.AskedOnce(t, http.MethodGet, manifests[0].Path)
}

// TestRemoteTagRemoved: of a tagged image that is deleted, subscribers of tags are told the same, whether it was pushed or came from a registry, and
// the tag's history ends.
func TestRemoteTagRemoved(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCI("team/app", "1.0")
	m.pull("team/app", "1.0", image)
	pushed := m.push("main/team/app", "1.0", m.image("main/team/app", "{}")).String()
	after := int64(0)
	told := func(repository, d string) []string {
		t.Helper()
		list, next, err := m.Ledger.Events(m.Admin, ledger.EventQuery{After: after})
		must(t, err)
		after = next
		var out []string
		for _, e := range list {
			var data registry.EventData
			must(t, json.Unmarshal(e.Data, &data))
			if data.Repository == repository && data.Version == d {
				out = append(out, strings.TrimSuffix(strings.TrimPrefix(e.Type, registry.EventTypePrefix), registry.EventTypeSuffix)+" "+data.Tag+" "+data.Reason)
			}
		}
		return out
	}
	for repository, c := range map[string]struct{ digest, deleted string }{"main": {pushed, "artifact.deleted"}, "mirror": {image.Digest, "cache.deleted"}} {
		told(repository, c.digest)
		m.want(http.StatusAccepted, formatstest.Admin, http.MethodDelete, repository+"/team/app/manifests/"+c.digest, nil)
		if got, want := told(repository, c.digest), []string{c.deleted + "  deleted by an OCI client", "tag.removed 1.0 version " + c.digest + " was deleted"}; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %q, want %q", repository, got, want)
		}
		at := registry.Name{Repository: repository, Format: "oci", Package: "team/app", Display: "team/app"}
		history, err := m.Catalog.TagHistory(m.Admin, at, "1.0", registry.Page{})
		must(t, err)
		if len(history) != 1 || history[0].SeqTo == 0 {
			t.Errorf("%s: the tag's history is %+v", repository, history)
		}
	}
	m.MustFsck(t)
}

// TestRemoteEntry: an image that comes from a registry has a small entry in the log, whatever it has in common with others that are here (U-11).
func TestRemoteEntry(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	m.pull("team/app", "1.0", m.u.OCI("team/app", "1.0"))
	m.pull("team/app", "2.0", m.u.OCI("team/app", "2.0"))
	list, _, err := m.Ledger.Events(m.Admin, ledger.EventQuery{Types: []string{"cache.entered"}})
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("%d entries, want 2", len(list))
	}
	for _, e := range list {
		formatstest.SmallEntry(t, e)
	}
	m.MustFsck(t)
}
