package npm

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"slipway/formats/formatstest"
	"slipway/registry"
)

// FuzzVersion: there is one spelling of every version, and no tag looks like one.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0.0", "v1.0.0", "=1.0.0", "1.0.0-rc.1+build", "01.0.0", "1.0", "9007199254740992.0.0", "1.0.0-", " 1.0.0", "1.x", "*", "2024.01.05", "1.0.0beta.01", "1.2.34.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := checkTag(s); err != nil && registry.KindOf(err) != registry.Invalid {
			t.Fatal(err)
		}
		v, prerelease, ok := strictVersion(s)
		if ok && loose(s) != v {
			t.Fatalf("%q is %q, or loosely %q", s, v, loose(s))
		}
		if again, _, ok := strictVersion(loose(s)); loose(s) != "" && (!ok || again != loose(s)) {
			t.Fatalf("%q is loosely %q, which is %q", s, loose(s), again)
		}
		if !ok {
			return
		}
		if again, p, ok := strictVersion(v); !ok || again != v || p != prerelease || len(v) > maxVersionBytes {
			t.Fatalf("%q is %q, which is %q", s, v, again)
		}
		if strings.ContainsAny(v, "+ /\\%") || registry.CheckVersion(v) != nil {
			t.Fatalf("%q is a version", v)
		}
		if checkTag(v) == nil {
			t.Fatalf("the version %q is a tag", v)
		}
	})
}

func loose(s string) string {
	v, _ := looseVersion(s)
	return v
}

// FuzzBase64: the fast reader takes what the strict decoder of the library takes, and yields the same, however it arrives.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "AAAA", "AA==", "AAA=", "AA==AAAA", "A", "AAAAA", "AB==", "A\nAAA", "====", "AAA=\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want, wantErr := base64.StdEncoding.Strict().DecodeString(string(in))
		if bytes.ContainsAny(in, "\r\n") {
			wantErr = errBase64 // JSON has them escaped: nothing is left out
		}
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(in), "byte by byte": iotest.OneByteReader(bytes.NewReader(in)), "with its end": iotest.DataErrReader(bytes.NewReader(in))} {
			b := newBase64Reader(r)
			got, err := io.ReadAll(b)
			b.putBack()
			if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: %q is %q %v, want %q %v", name, in, got, err, want, wantErr)
			}
		}
	})
}

// TestPublishLooseVersion: clients send a version that they cleaned, beside a tarball with the package.json as it was written.
func TestPublishLooseVersion(t *testing.T) {
	e := newEnv(t, formatstest.Options{})
	inside := func(name, version string) []byte {
		return pack(t, string(marshal(map[string]string{"name": name, "version": version})))
	}
	for _, c := range []struct {
		name, sent, inner string
		status            int
	}{
		{"web", "2024.1.5", "2024.01.05", 201},
		{"web", "2024.1.6", " v2024.01.06", 201},
		{"web", "1.0.0-beta", "1.0.0beta", 201},
		{"web", "1.0.1-beta.1", "=1.0.1beta.01+build", 201},
		{" web ", "1.0.2", "1.0.2", 201},
		{"web", "2024.1.7", "2024.01.08", 400},
		{"web", "2024.1.7", "2024.1.70", 400},
		{"web", "2024.1.7", "2024.1.7-0", 400},
		{"web", "2024.1.7", "2024.1", 400},
		{"web", "2024.01.07", "2024.01.07", 400}, // Yarn sends it so
		{"web", "1.0.3beta", "1.0.3beta", 400},
	} {
		p := pub{name: "web", version: c.sent, tarball: inside(c.name, c.inner), tags: map[string]string{"next": c.sent}}
		if res := e.do(formatstest.Admin, http.MethodPut, "/web", p.body(t)); res.Status != c.status {
			t.Errorf("%q as %q: %v", c.inner, c.sent, res)
		}
	}
	for path, want := range map[string]string{"/web/2024.01.05": "2024.1.5", "/web/1.0.0beta": "1.0.0-beta", "/web/v1.0.2": "1.0.2"} {
		if got := e.get(path)["version"]; got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	e.want(http.StatusCreated, "", e.do(formatstest.Admin, http.MethodPut, "/-/package/web/dist-tags/1.0.9beta", []byte(`"2024.01.06"`)))
	if got := e.get("/web/1.0.9beta")["version"]; got != "2024.1.6" {
		t.Errorf("a tag that reads as a version: %v", got)
	}
	e.want(http.StatusNotFound, "", e.do(formatstest.Admin, http.MethodGet, "/web/2024.01.09", nil))
}
