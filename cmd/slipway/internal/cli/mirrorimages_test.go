package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
	"slipway/cmd/slipway/internal/installation"
	"slipway/integration/upstream/upstreamtest"
)

// TestMirrorImages: images that a list names, by tag and by digest, are fetched whole: of all platforms, with what is said about them. Then
// they are here, while the registry is away.
func TestMirrorImages(t *testing.T) {
	t.Parallel()
	up := upstreamtest.New(t, upstreamtest.Options{})
	many := up.OCIImage("team/app", "1.0", upstreamtest.ImageSpec{Platforms: []string{"linux/amd64", "linux/arm64"}})
	one := up.OCIImage("team/tool", "2.0", upstreamtest.ImageSpec{})
	sbom := up.OCIAttach("team/app", many.Digest, "application/spdx+json", []byte(`{"sbom":true}`))
	r := commandtest.Start(t, func(c *installation.Config) { c.UpstreamAllow = []string{"127.0.0.1"} })
	r.Login()
	r.CLI(0, "repo", "create", "images")
	r.CLI(0, "upstream", "add", "images", up.OCIURL(), "--format", "oci", "--redirects", "127.0.0.1")
	list := filepath.Join(t.TempDir(), "images.txt")
	if err := os.WriteFile(list, []byte(r.URL[len("http://"):]+"/images/team/app:1.0\nregistry.example.com/team/tool@"+one.Digest+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	of := func(all map[string]mirrored, name string) mirrored {
		for purl, m := range all {
			if strings.Contains(purl, name) {
				return m
			}
		}
		t.Errorf("nothing of %s in %v", name, all)
		return mirrored{}
	}
	fetch := func() map[string]mirrored {
		t.Helper()
		return states(t, r.CLI(0, "mirror", "fetch", "images", list, "-o", "json"))
	}
	got := fetch()
	if app, tool := of(got, "app"), of(got, "tool"); app.State != "fetched" || tool.State != "fetched" || app.Files < 7 {
		t.Errorf("fetched: %+v", got)
	}
	for _, f := range up.Matching(http.MethodGet, "/v2/**/blobs/*") {
		up.AskedOnce(t, http.MethodGet, f.Path)
	}
	up.Origin.Down()
	up.CDN.Down()
	paths := []string{"team/app/manifests/1.0", "team/app/manifests/" + sbom.Digest(), "team/tool/manifests/" + one.Digest}
	for _, p := range many.Platforms {
		paths = append(paths, "team/app/manifests/"+p.Manifest.Digest(), "team/app/blobs/"+p.Config.Digest(), "team/app/blobs/"+p.Layers[0].Digest())
	}
	for _, path := range paths {
		get(t, r, "/v2/images/"+path)
	}
	if again := of(fetch(), "tool"); again.State != "present" {
		t.Errorf("again: %+v", again)
	}
}
