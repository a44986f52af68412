package oci_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/ledger"
	"slipway/registry/upstreams"
)

// mirrored is a server whose repository "mirror" answers from a registry that the test controls. Its clock stands still until the test
// moves it.
type mirrored struct {
	*server
	u     *upstreamtest.Server
	as    formatstest.As
	clock *formatstest.Clock
}

func mirror(t *testing.T, o formatstest.Options) *mirrored {
	t.Helper()
	m := &mirrored{u: upstreamtest.New(t, upstreamtest.Options{}), clock: formatstest.NewClock()}
	o.Core = append(o.Core, m.clock.Option())
	m.server = newServer(t, o)
	m.Remote("mirror", "oci", m.u.OCIURL())
	m.as = m.token("*", access.Read)
	return m
}

// later moves the clock.
func (m *mirrored) later(d time.Duration) {
	m.clock.Later(d)
	m.as = m.token("*", access.Read)
}

func (m *mirrored) get(path string, header ...string) formatstest.Response {
	m.t.Helper()
	return m.call(m.as, http.MethodGet, "mirror/"+path, nil, header...)
}

func (m *mirrored) head(path string) formatstest.Response {
	m.t.Helper()
	return m.call(m.as, http.MethodHead, "mirror/"+path, nil)
}

// set changes the settings of the upstream.
func (m *mirrored) set(change func(*upstreams.Settings)) {
	m.t.Helper()
	_, err := m.Upstreams.Change(m.Admin, "mirror", "up", func(v upstreams.Settings) (upstreams.Settings, error) {
		change(&v)
		return v, nil
	})
	must(m.t, err)
}

// body reads an answer that may be cut: an error, as is any status but 200.
func (m *mirrored) body(path string) ([]byte, error) {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.URL+"/v2/mirror/"+path, nil)
	must(m.t, err)
	r.Header.Set("Authorization", "Bearer "+string(m.as))
	res, err := http.DefaultClient.Do(r)
	must(m.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return body, err
}

// entries counts the entries of a type in the log.
func (m *mirrored) entries(kind string) int {
	m.t.Helper()
	events, _, err := m.Ledger.Events(m.Admin, ledger.EventQuery{After: -1, Types: []string{kind}})
	must(m.t, err)
	return len(events)
}

// same fails the test unless an answer has the bytes of a file of the upstream.
func (m *mirrored) same(res formatstest.Response, f *upstreamtest.File) {
	m.t.Helper()
	if res.Status != http.StatusOK || !bytes.Equal(res.Body, f.Bytes()) || res.Header.Get("Docker-Content-Digest") != f.Digest() {
		m.t.Errorf("%s: %v", f.Path, res)
	}
}

// pull gets an image as clients do: by tag, then each platform's manifest and blobs by digest.
func (m *mirrored) pull(name, tag string, image upstreamtest.Image) {
	m.t.Helper()
	m.same(m.get(name+"/manifests/"+tag), image.Manifest)
	for _, p := range image.Platforms {
		m.same(m.get(name+"/manifests/"+p.Manifest.Digest()), p.Manifest)
		for _, blob := range append(p.Layers, p.Config) {
			m.same(m.get(name+"/blobs/"+blob.Digest()), blob)
		}
	}
}

// TestRemoteImage: an image of several platforms is pulled through, each manifest and blob once; then it is here, whether the registry is or
// not. The log has one entry for each manifest, and one for the tag.
func TestRemoteImage(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int64{3 << 20}})
	m.u.On("**", upstreamtest.SetHeader("Cache-Control", "private, no-cache")) // which is for clients
	m.pull("team/app", "1.0", image)
	for _, p := range image.Platforms {
		m.u.AskedOnce(t, http.MethodGet, p.Manifest.Path)
		for _, blob := range append(p.Layers, p.Config) {
			m.u.AskedOnce(t, http.MethodGet, blob.Path)
		}
	}
	seen := len(m.u.Matching("", "**"))
	m.pull("team/app", "1.0", image)
	if now := len(m.u.Matching("", "**")); now != seen {
		t.Errorf("%d requests for what is here", now-seen)
	}
	m.u.Origin.Down()
	m.later(24 * time.Hour)
	m.pull("team/app", "1.0", image)
	if res := m.get("team/app/manifests/2.0"); res.Status != http.StatusServiceUnavailable || code(res) != "UNAVAILABLE" {
		t.Errorf("an absent tag while it is down: %v", res)
	}
	m.MustFsck(t)
	if n := m.entries("cache.entered"); n != 3 {
		t.Errorf("%d entries for 3 manifests", n)
	}
	if n := m.entries("cache.tag_moved"); n != 1 {
		t.Errorf("%d entries for 1 tag", n)
	}
	for _, kind := range []string{"artifact.published", "artifact.stored", "tag.set"} {
		if n := m.entries(kind); n != 0 {
			t.Errorf("%d entries %s", n, kind)
		}
	}
}

// TestRemoteTagMoves: a tag is asked for again after its time, by a HEAD; what it names then is fetched once, the log says that it moved,
// and the former image stays by its digest.
func TestRemoteTagMoves(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	one := m.u.OCI("team/app", "latest")
	m.pull("team/app", "latest", one)
	two := m.u.OCIImage("team/app", "latest", upstreamtest.ImageSpec{Text: "two"})
	m.same(m.get("team/app/manifests/latest"), one.Manifest)
	m.later(6 * time.Minute)
	if res := m.head("team/app/manifests/latest"); res.Header.Get("Docker-Content-Digest") != two.Digest || res.Header.Get("Content-Type") != imageType {
		t.Errorf("HEAD: %v", res)
	}
	m.u.Asked(t, 0, http.MethodGet, two.Manifest.Path)
	if n := m.entries("cache.entered"); n != 1 {
		t.Errorf("%d entries after a HEAD", n)
	}
	m.same(m.get("team/app/manifests/"+two.Digest), two.Manifest) // as clients do behind a HEAD
	m.u.AskedOnce(t, http.MethodGet, two.Manifest.Path)
	m.u.Origin.Down()
	m.later(6 * time.Minute)
	m.same(m.get("team/app/manifests/latest"), two.Manifest)
	m.same(m.get("team/app/manifests/"+one.Digest), one.Manifest)
	if n := m.entries("cache.tag_moved"); n != 2 {
		t.Errorf("the tag was noted %d times", n)
	}
	m.u.Origin.Up(t)
	m.u.OCITag("team/app", "latest", one.Digest) // back again: the image is here
	m.later(6 * time.Minute)
	m.same(m.get("team/app/manifests/latest"), one.Manifest)
	m.u.AskedOnce(t, http.MethodGet, one.Manifest.Path)
	m.u.OCITag("team/app", "latest", "") // and gone: it names what it named last
	m.later(6 * time.Minute)
	m.same(m.get("team/app/manifests/latest"), one.Manifest)
	m.u.OCITag("team/app", "latest", two.Digest) // an immutable tag stays where it is
	m.later(6 * time.Minute)
	_, err := m.Core.UpdateRepository(m.Admin, "mirror", registry.RepositoryChange{Settings: map[string]any{
		"tag_rules": registry.TagRuleList{{Pattern: "latest", Rule: registry.TagImmutable}}}})
	must(t, err)
	m.same(m.get("team/app/manifests/latest"), one.Manifest)
	m.MustFsck(t)
}

// TestRemoteAbsent: 404 is what the registry has proven; it is remembered for a minute, and never given for anything else.
func TestRemoteAbsent(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCI("team/app", "1.0")
	none := digestOf([]byte("none")).String()
	for _, path := range []string{"team/app/manifests/2.0", "team/app/manifests/" + none, "none/app/manifests/1.0"} {
		for range 2 {
			if res := m.get(path); res.Status != http.StatusNotFound || code(res) != "MANIFEST_UNKNOWN" {
				t.Errorf("%s: %v", path, res)
			}
		}
	}
	m.u.AskedOnce(t, "", "/v2/team/app/manifests/2.0")
	m.u.OCITag("team/app", "2.0", image.Digest)
	m.later(61 * time.Second)
	m.same(m.get("team/app/manifests/2.0"), image.Manifest)

	// A blob is asked for where a manifest that is here names it, and else is nobody's.
	other := m.u.OCIBlob("team/app", []byte("of no image"))
	for _, d := range []string{other.Digest(), none} {
		if res := m.get("team/app/blobs/" + d); res.Status != http.StatusNotFound || code(res) != "BLOB_UNKNOWN" {
			t.Errorf("blob: %v", res)
		}
	}
	if res := m.get("other/blobs/" + image.Platforms["linux/amd64"].Config.Digest()); res.Status != http.StatusNotFound {
		t.Errorf("the blob of another image: %v", res)
	}
	for _, d := range []string{other.Digest(), none} {
		m.u.NeverAsked(t, "/v2/*/*/blobs/"+d)
	}
	m.u.NeverAsked(t, "/v2/other/**")

	m.u.On("**", upstreamtest.Status(http.StatusInternalServerError))
	if res := m.get("team/app/manifests/3.0"); res.Status != http.StatusServiceUnavailable {
		t.Errorf("500: %v", res)
	}
}

// TestRemoteHead: a HEAD of a blob that is not here tells its length, and starts nothing.
func TestRemoteHead(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Layers: []int64{3 << 20}})
	layer := image.Platforms["linux/amd64"].Layers[1]
	m.same(m.get("team/app/manifests/1.0"), image.Manifest)
	if res := m.head("team/app/blobs/" + layer.Digest()); res.Status != http.StatusOK || res.Header.Get("Content-Length") != strconv.FormatInt(layer.Size(), 10) ||
		res.Header.Get("Docker-Content-Digest") != layer.Digest() {
		t.Errorf("HEAD: %v", res)
	}
	m.u.NeverAsked(t, layer.Path)
	m.MustFsck(t)
}

// TestRemoteWrongBytes: bytes that do not have their digest are never a whole answer, and nothing of them is stored.
func TestRemoteWrongBytes(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Layers: []int64{3 << 20}})
	p := image.Platforms["linux/amd64"]
	wrong := m.u.On(p.Manifest.Path, upstreamtest.ReplaceText("linux", "lunix", "schemaVersion", "schemaversion"))
	if res := m.get("team/app/manifests/1.0"); res.Status != http.StatusBadGateway || code(res) != "UNAVAILABLE" || !strings.Contains(string(res.Body), "wrong") {
		t.Errorf("a manifest: %v", res)
	}
	wrong.Stop()
	m.later(time.Minute)
	wrong = m.u.On(p.Config.Path, upstreamtest.Flip(10)) // which the manifest is read with
	m.same(m.get("team/app/manifests/1.0"), image.Manifest)
	wrong.Stop()
	for _, blob := range []*upstreamtest.File{p.Config, p.Layers[1]} {
		wrong := m.u.On(blob.Path, upstreamtest.Flip(10))
		if body, err := m.body("team/app/blobs/" + blob.Digest()); err == nil {
			t.Errorf("a wrong blob of %d bytes is whole: %d", blob.Size(), len(body))
		}
		wrong.Stop()
		m.same(m.get("team/app/blobs/"+blob.Digest()), blob)
	}
	m.MustFsck(t)
}

// TestRemoteAdopted: an image is promoted from a registry elsewhere, with blobs that nobody asked for yet; another one is pushed, to the
// repository that takes the writes of one that also answers from there, over a layer that only the registry has.
func TestRemoteAdopted(t *testing.T) {
	m := mirror(t, formatstest.Options{})
	image := m.u.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}, Layers: []int64{2000}})
	at := registry.Name{Repository: "mirror", Format: "oci", Package: "team/app", Display: "team/app"}.At(image.Manifest.Digest())
	pkg, _, err := m.Upstreams.Promote(m.Admin, at, "main", []string{"1.0"})
	must(t, err)
	if pkg.Origin != metadata.OriginPromoted {
		t.Errorf("%+v", pkg)
	}
	base := m.u.OCIImage("library/base", "1", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64"}, Layers: []int64{3000}})
	_, err = m.Core.CreateRepository(m.Admin, "all", registry.RepositoryChange{Also: m.Upstreams.Replacing(m.Admin, []upstreams.NewUpstream{
		{Type: metadata.UpstreamRepository, Repository: "main", Settings: upstreams.Settings{Writes: true}}, {Type: metadata.UpstreamRepository, Repository: "mirror"}})})
	must(t, err)
	m.get("library/base/manifests/1")
	m.get("library/base/manifests/" + base.Platforms["linux/amd64"].Manifest.Digest())
	layer := base.Platforms["linux/amd64"].Layers[0]
	pusher := m.token("*", access.Read, access.Publish)
	m.want(http.StatusCreated, pusher, http.MethodPost, "all/own/app/blobs/uploads/?mount="+layer.Digest()+"&from=all/library/base", nil)
	m.want(http.StatusNotFound, m.token("all", access.Read, access.Publish), http.MethodHead, "all/own/app/blobs/"+layer.Digest(), nil)
	m.blob("main/own/app", []byte("{}"))
	config := content(configType, []byte("{}"))
	push := man{SchemaVersion: 2, MediaType: imageType, Config: &config, Layers: []desc{content(layerType, layer.Bytes())}}
	m.want(http.StatusCreated, pusher, http.MethodPut, "all/own/app/manifests/1.0", push.bytes(), "Content-Type", imageType)

	m.u.Origin.Down()
	must(t, m.Upstreams.Remove(m.Admin, "all", "mirror"))
	reader := m.token("main", access.Read)
	m.want(http.StatusOK, reader, http.MethodGet, "main/team/app/manifests/1.0", nil)
	for _, p := range image.Platforms {
		for _, blob := range append(p.Layers, p.Config) {
			m.want(http.StatusOK, reader, http.MethodGet, "main/team/app/blobs/"+blob.Digest(), nil)
		}
	}
	m.want(http.StatusOK, reader, http.MethodGet, "main/own/app/blobs/"+layer.Digest(), nil)
	m.MustFsck(t)
}
