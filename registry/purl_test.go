package registry_test

import (
	"strings"
	"testing"

	"slipway/registry"
)

func TestParsePURL(t *testing.T) {
	for s, want := range map[string][4]string{
		"pkg:npm/%40acme/web@1.4.2":           {"npm", "@acme", "web", "1.4.2"},
		"pkg:npm/@acme/web@1.4.2":             {"npm", "@acme", "web", "1.4.2"},
		"pkg:npm/@acme/web":                   {"npm", "@acme", "web", ""},
		"pkg:PyPI/bar-pkg@1.0":                {"pypi", "", "bar-pkg", "1.0"},
		"pkg:maven/com.acme/lib@1.0?type=p#x": {"maven", "com.acme", "lib", "1.0"},
		"pkg://generic/a/b/c@1%2B2":           {"generic", "a/b", "c", "1+2"},
		"pkg:oci/app@sha256%3Aab":             {"oci", "", "app", "sha256:ab"},
		"pkg:oci/app@sha256:ab":               {"oci", "", "app", "sha256:ab"},
	} {
		p, err := registry.ParsePURL(s)
		if got := [4]string{p.Type, p.Namespace, p.Name, p.Version}; err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"", "web@1", "pkg:", "pkg:npm", "pkg:npm/", "pkg:npm//x", "pkg:npm/%zz@1", "pkg:npm/x@%zz", "pkg:npm/x?%zz",
		"pkg:npm/" + strings.Repeat("x", 3000)} {
		if p, err := registry.ParsePURL(s); registry.KindOf(err) != registry.Invalid || err == nil {
			t.Errorf("%.40q was taken: %+v, %v", s, p, err)
		}
	}
}

// FuzzParsePURL: no text makes the parser panic, and what it takes names something.
func FuzzParsePURL(f *testing.F) {
	for _, s := range []string{"pkg:npm/%40acme/web@1.4.2", "pkg:oci/app@sha256%3Aab?repository_url=host/main/team/app", "pkg://a/b@/c@d#e?f", "pkg:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := registry.ParsePURL(s); err == nil && (p.Type == "" || p.Name == "") {
			t.Errorf("%q: %+v", s, p)
		}
	})
}
