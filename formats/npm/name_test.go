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
		if err := checkNewName(name); (err == nil) != ok {
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
	if v, ok := looseVersion(" v1.2.3+x"); v != "1.2.3" || !ok {
		t.Errorf("loose: %q %v", v, ok)
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
	for s, want := range map[string]string{"1.2.3": "1.2.3", "v1.2.3": "1.2.3", "1.2.3+build": "1.2.3", "1.2": "", "x": ""} {
		if got, key := spelling(s); got != want || key != nil {
			t.Errorf("%s: %q, %x; want %q", s, got, key, want)
		}
	}
}
