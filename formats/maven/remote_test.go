package maven

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry"
)

// TestRemote: artifacts of a remote are delivered with their sums and asked for once; a wrong sum stores nothing.
func TestRemote(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	s := formatstest.NewServer(t, formatstest.Options{}, New(Options{}))
	s.Remote("mirror", formatName, u.MavenURL())
	u.MavenSidecars(true)
	files := u.Maven("com.acme:lib:1.0", upstreamtest.MavenVersion{})
	u.Maven("com.acme:lib:2.0", upstreamtest.MavenVersion{Size: 3 << 20})
	get := func(path string) (int, string, http.Header) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, s.URL+"/maven/mirror/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.Token("*", "read"))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil && res.StatusCode == http.StatusOK {
			return 0, err.Error(), nil
		}
		return res.StatusCode, string(body), res.Header
	}
	if code, body, _ := get("com/acme/lib/maven-metadata.xml"); code != http.StatusOK || !strings.Contains(body, "<release>2.0</release>") {
		t.Errorf("metadata: %d %s", code, body)
	}
	for _, f := range files {
		path := strings.TrimPrefix(f.URL, strings.TrimSuffix(u.MavenURL(), "/")+"/")
		for range 2 {
			if code, body, _ := get(path); code != http.StatusOK || body != string(f.Bytes()) {
				t.Fatalf("%s: %d %.200s", path, code, body)
			}
		}
		if code, body, _ := get(path + ".sha1"); code != http.StatusOK || body != f.SHA1() {
			t.Errorf("%s.sha1: %d %.200s", path, code, body)
		}
		u.AskedOnce(t, "GET", "**"+path)
	}
	if code, _, _ := get("com/acme/lib/9.9/lib-9.9.pom"); code != http.StatusNotFound {
		t.Errorf("what is nowhere: %d", code)
	}
	bad := u.On("**lib-2.0.jar", upstreamtest.Flip(2<<20))
	if code, body, _ := get("com/acme/lib/2.0/lib-2.0.jar"); code == http.StatusOK {
		t.Errorf("wrong bytes were delivered whole: %d bytes", len(body))
	}
	bad.Stop()
	if code, body, _ := get("com/acme/lib/2.0/lib-2.0.jar"); code != http.StatusOK || len(body) < 3<<20 {
		t.Errorf("mended: %d, %d bytes", code, len(body))
	}
	s.MustFsck(t)
}

// TestRemoteHeaderSums: a registry that has no files with sums, but announces one in the header of the file, is held to it.
func TestRemoteHeaderSums(t *testing.T) {
	for sum, without := range map[string]string{"sha1": "X-Checksum-Sha256", "sha256": "X-Checksum-Sha1"} {
		u := upstreamtest.New(t, upstreamtest.Options{})
		s := formatstest.NewServer(t, formatstest.Options{}, New(Options{}))
		s.Remote("mirror", formatName, u.MavenURL())
		u.MavenSidecars(false)
		u.MavenChecksumHeaders(true)
		u.Maven("com.acme:lib:1.0", upstreamtest.MavenVersion{})
		u.Maven("com.acme:lib:2.0", upstreamtest.MavenVersion{})
		u.On("**", upstreamtest.SetHeader(without))
		u.On("**lib-1.0.jar", upstreamtest.Flip(-1))
		for version, status := range map[string]int{"1.0": http.StatusBadGateway, "2.0": http.StatusOK} {
			res := s.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: "/maven/mirror/com/acme/lib/" + version + "/lib-" + version + ".jar"})
			if res.Status != status {
				t.Errorf("%s alone, %s: %v, want %d", sum, version, res, status)
			}
		}
		d, err := s.Reader.VersionDetail(s.Admin, registry.Name{Repository: "mirror", Format: formatName, Package: "com.acme:lib"}.At("2.0"))
		if err != nil || len(d.Cached) != 1 || d.Cached[0].Verified != sum {
			t.Errorf("%s alone: verified by %+v, %v", sum, d.Cached, err)
		}
	}
}
