package oci

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/registry"
)

// FuzzReference: what is taken as a name, a tag or a digest is the same when it is written again, and safe in a path.
func FuzzReference(f *testing.F) {
	sum := strings.Repeat("a", 64)
	for _, s := range [][2]string{
		{"main/app", "1.0"}, {"main/team/app", "sha256:" + sum}, {"main%2fapp", "sha512:" + sum + sum}, {"main/..", "latest"}, {"Main/App", "sha256:" + strings.ToUpper(sum)},
		{"main", "a:b"}, {"main/a__b", "%73ha256:" + sum}, {"main/a//b", "md5:" + sum[:32]}, {"main/a\x00", "\u202e"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, image, ref string) {
		r := mux.SetURLVars(&http.Request{URL: &url.URL{}}, map[string]string{"name": image, "reference": ref, "digest": ref})
		at, got, err := parseReference(r)
		if err != nil {
			if k := registry.KindOf(err); k != registry.Invalid && k != registry.NotFound {
				t.Fatal(err)
			}
			return
		}
		again, err := splitName(full(at))
		if err != nil || again != at {
			t.Fatalf("%q is %+v, which is %+v %v", image, at, again, err)
		}
		if (got.tag == "") == (got.digest == "") || got.tag != "" && registry.CheckTag(got.tag) != nil || strings.ContainsAny(got.tag, "/\\\x00") {
			t.Fatalf("%q is %+v", ref, got)
		}
		if got.digest == "" {
			return
		}
		if _, d, err := parseBlob(r); err != nil || d != got.digest || d.Validate() != nil {
			t.Fatalf("%q is %q for a blob: %v", ref, d, err)
		}
		p, err := registry.ParsePURL(purl("https://host", at, got.digest))
		if err != nil || p.Version != got.digest.String() {
			t.Fatalf("package URL %+v: %v", p, err)
		}
		if name, err := fromPURL(p); err != nil || name != at.Package {
			t.Fatalf("the package URL of %q is of %q: %v", at.Package, name, err)
		}
	})
}

// FuzzContentRange: an offset that is taken is within an upload, and fits the body.
func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"0-99", "bytes 0-99/*", "bytes=0-99", "99-0", "-1-5", "4611686018427387903-4611686018427387903", "18446744073709551615-0", "0x1-2", "+1-2", "1-"} {
		f.Add(s, int64(100))
	}
	f.Fuzz(func(t *testing.T, text string, length int64) {
		from, err := parseContentRange(&http.Request{Header: http.Header{"Content-Range": {text}}, ContentLength: length})
		switch {
		case err != nil && registry.KindOf(err) != registry.Invalid:
			t.Fatal(err)
		case err == nil && (from < -1 || from == -1 && text != "" || from >= 1<<62):
			t.Fatalf("%q is %d", text, from)
		}
	})
}

// FuzzPage: a page is a part of its list, in order.
func FuzzPage(f *testing.F) {
	for _, s := range []string{"n=2&last=b", "n=0", "n=-1", "n=99999999999", "last=%00", "n=1&last=zzz", "n=1;last=a", "%zz"} {
		f.Add(s)
	}
	all := []string{"a", "b", "c", "d"}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parsePage(&http.Request{URL: &url.URL{RawQuery: raw}})
		if err != nil {
			if registry.KindOf(err) != registry.Invalid {
				t.Fatal(err)
			}
			return
		}
		list, more := p.cut(all)
		if len(list) > len(all) || p.n >= 0 && len(list) > p.n || len(list) > 0 && p.last != "" && list[0] <= p.last {
			t.Fatalf("%q: %s gives %v, %v", raw, strconv.Itoa(p.n), list, more)
		}
		if more && (len(list) == 0 || list[len(list)-1] == "d") {
			t.Fatalf("%q: more behind %v", raw, list)
		}
	})
}
