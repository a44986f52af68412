package npm

import (
	"strings"
	"testing"
)

func TestNewNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"web": true, "@acme/web": true, "a.b_c-d": true, "3d": true, "@acme/_internal": true, "x" + strings.Repeat("a", 213): true,
		"": false, "Web": false, "@Acme/web": false, "_web": false, ".web": false, "-web": false, "@acme/.web": false, "@acme/-": false,
		"node_modules": false, "favicon.ico": false, "a~b": false, "a'b": false, "a!b": false, "a(b": false, "a)b": false, "a*b": false,
		" web": false, "web ": false, "we b": false, "wéb": false, "@/web": false, "@acme/": false, "@acme": false, "a/b": false, "@a/b/c": false,
		"a%2fb": false, `a\b`: false, "x" + strings.Repeat("a", 214): false, "@.a/web": false,
	} {
		if err := checkNewName(name, false); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", name, err, ok)
		}
	}
}

// TestLegacyNames (fault J11): with the repository's setting, what npm took before there were rules for new names.
func TestLegacyNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"web": true, "JSONStream": true, "@Acme/Web": true, "a~b'(c)*!": true, "Node_Modules_": true,
		"": false, "_Web": false, ".Web": false, "-Web": false, "Node_Modules": false, "favicon.ICO": false, "We b": false, "Wéb": false, "A/b": false,
		"W" + strings.Repeat("a", 214): false,
	} {
		if err := checkNewName(name, true); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", name, err, ok)
		}
	}
}

func TestVersions(t *testing.T) {
	for s, want := range map[string]string{
		"1.0.0": "1.0.0", "1.0.0-rc.1": "1.0.0-rc.1", "1.0.0+b": "1.0.0", "1.0.0-a+b.c": "1.0.0-a", "0.0.0-0": "0.0.0-0",
		"v1.0.0": "", "1": "", "1.0": "", "01.0.0": "", "1.0.0-01": "", "1.0.0 ": "", "": "", "latest": "", "1.0.0-": "", "1.0.0+": "",
		"9007199254740991.0.0": "9007199254740991.0.0", "9007199254740992.0.0": "", "1.0.0-" + strings.Repeat("a", 300): "",
	} {
		if got, _, ok := strictVersion(s); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", s, got, ok, want)
		}
	}
}

// TestLooseVersions: what semver.clean(version, true) of node-semver 7.8.5 says.
func TestLooseVersions(t *testing.T) {
	for s, want := range map[string]string{
		"1.0.0": "1.0.0", "1.0.0-rc.1": "1.0.0-rc.1", " v1.2.3+x": "1.2.3", "=1.2.3": "1.2.3", "v=v 1.2.3 ": "1.2.3",
		"2024.01.05": "2024.1.5", "2024.01.05-01": "2024.1.5-1", "00.000.0": "0.0.0", "01.2.3+007": "1.2.3",
		"1.0.0beta": "1.0.0-beta", "1.0.0beta.01": "1.0.0-beta.1", "1.0.0rc1+build": "1.0.0-rc1", "1.0.0-": "1.0.0--", "1.0.0--a": "1.0.0--a",
		"1.2.34.5": "1.2.3-4.5", "1.2.3-01a": "1.2.3-01a", "1.2.3-9007199254740991": "1.2.3-9007199254740991",
		"1.2.3-99999999999999999999": "1.2.3-99999999999999999999", "0009007199254740991.0.0": "9007199254740991.0.0",
		"": "", "1": "", "1.0": "", "1.2.3.4": "", "1.0.0+": "", "1.0.0 beta": "", "1.0.0-beta..1": "", "1.0.0_1": "", "1.x.0": "", "x1.0.0": "",
		"9007199254740992.0.0": "", "1.0.0-" + strings.Repeat("a", 300): "", "latest": "", "2024-01-05": "",
	} {
		if got, ok := looseVersion(s); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", s, got, ok, want)
		}
	}
}

func TestTags(t *testing.T) {
	for tag, ok := range map[string]bool{
		"latest": true, "next": true, "v": true, "beta-1": true, "1st": true, "rc.1": true, "1.0.0.0": true, "2024-01": true,
		"1": false, "v1": false, "1.2": false, "1.x": false, "x": false, "X": false, "v1.2.3": false, "1.2.3-beta.1": false, "1.x.x": false,
	} {
		if err := checkTag(tag); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", tag, err, ok)
		}
	}
}

func TestPURL(t *testing.T) {
	for name, want := range map[string]string{"@acme/web": "pkg:npm/%40acme/web@1.4.2", "web": "pkg:npm/web@1.4.2", "a*b": "pkg:npm/a%2Ab@1.4.2"} {
		if got := purl(name, "1.4.2"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestSpelling(t *testing.T) {
	for s, want := range map[string]string{"1.2.3": "1.2.3", "v1.2.3": "1.2.3", "1.2.3+build": "1.2.3", "2024.01.05": "2024.1.5", "1.0.0beta": "1.0.0-beta", "1.2": "", "x": ""} {
		if got, key := spelling(s); got != want || key != nil {
			t.Errorf("%s: %q, %x; want %q", s, got, key, want)
		}
	}
}
