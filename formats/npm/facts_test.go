package npm

import (
	"strings"
	"testing"

	"slipway/registry"
)

// TestO1: a gitHead is kept whatever it looks like. O6: a repository keeps no credential.
func TestO1(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	for head, want := range map[string]string{
		sha: sha, sha + "-dirty": sha + " " + sha + "-dirty true", "r123456": "r123456", "main@sha1:" + sha: sha + " main@sha1:" + sha, "": "",
	} {
		m, err := parseObject([]byte(`{"gitHead":"` + head + `","repository":"oauth2:tok@host/x"}`))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range facts(m, nil, "") {
			if f.Key != registry.FactSourceRepository {
				got = append(got, f.Value)
			} else if f.Value != "host/x" {
				t.Errorf("repository %q", f.Value)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %s, want %s", head, s, want)
		}
	}
}
