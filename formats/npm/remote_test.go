package npm

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/integration/upstream/upstreamtest"
)

// mirror is a server whose repository "mirror" answers from a registry that the test controls.
func mirror(t *testing.T) (*formatstest.Server, *upstreamtest.Server) {
	t.Helper()
	u := upstreamtest.New(t, upstreamtest.Options{})
	s := formatstest.NewServer(t, formatstest.Options{}, New())
	s.Remote("mirror", formatName, u.NPMURL())
	return s, u
}

func fetch(t *testing.T, s *formatstest.Server, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
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
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestRemote: a package of a remote is listed and delivered, asked for once, and served while the remote is down.
func TestRemote(t *testing.T) {
	s, u := mirror(t)
	tarball := u.NPM("left-pad", "1.0.0", upstreamtest.NPMVersion{})
	u.NPM("left-pad", "1.1.0", upstreamtest.NPMVersion{Tags: []string{"latest"}})

	code, body := fetch(t, s, "/npm/mirror/left-pad")
	if code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	var doc struct {
		Tags     map[string]string `json:"dist-tags"`
		Versions map[string]struct {
			Dist struct{ Tarball, Integrity string }
		}
		Time map[string]string
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Tags["latest"] != "1.1.0" || len(doc.Versions) != 2 || doc.Versions["1.0.0"].Dist.Integrity != tarball.Integrity() || doc.Time["1.0.0"] == "" {
		t.Errorf("%s", body)
	}
	if strings.Contains(body, u.Origin.Addr) || strings.Contains(body, u.CDN.Addr) {
		t.Error("the document names the remote's address")
	}
	path := strings.TrimPrefix(doc.Versions["1.0.0"].Dist.Tarball, s.URL)
	for range 2 {
		if code, got := fetch(t, s, path); code != http.StatusOK || got != string(tarball.Bytes()) {
			t.Fatalf("%s: %d, %d bytes: %.200s", path, code, len(got), got)
		}
	}
	u.AskedOnce(t, "GET", "**.tgz")
	u.Origin.Down()
	if code, got := fetch(t, s, path); code != http.StatusOK || got != string(tarball.Bytes()) {
		t.Errorf("while the remote is down: %d, %d bytes", code, len(got))
	}
	if code, body := fetch(t, s, "/npm/mirror/left-pad"); code != http.StatusOK {
		t.Errorf("the document while the remote is down: %d %s", code, body)
	}
	if code, body := fetch(t, s, "/npm/mirror/other"); code != http.StatusServiceUnavailable {
		t.Errorf("what is not cached: %d %s", code, body)
	}
	s.MustFsck(t)
}
