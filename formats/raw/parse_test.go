package raw

import (
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"slipway/registry"
)

func TestParseLocation(t *testing.T) {
	for in, want := range map[string]string{
		"/raw/main":                                "main||file",
		"/raw/main/":                               "main||dir",
		"/raw/main/tool":                           "main|tool|file",
		"/raw/main/tool/1.0/":                      "main|tool,1.0|dir",
		"/raw/main//tool///1.0//a//":               "main|tool,1.0,a|dir",
		"/raw/main/tool/1.0/a/b/c.tar.gz":          "main|tool,1.0,a,b,c.tar.gz|file",
		"/raw/m%61in/t%6Fol/1.0%2B2/a%20b":         "main|tool,1.0+2,a b|file",
		"/raw/main/tool/1.0/x:y@z~=+%25":           "main|tool,1.0,x:y@z~=+%|file",
		"/raw/main/tool/1.0/%C3%A9":                "main|tool,1.0,é|file",
		"/raw/main/tool/1.0/%252e%252e%252fcanary": "main|tool,1.0,%2e%2e%2fcanary|file", // decoded once
	} {
		l, err := parseLocation(in)
		got := l.repository + "|" + strings.Join(l.segments, ",") + "|" + map[bool]string{true: "dir", false: "file"}[l.dir]
		if err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", in, got, err, want)
		}
	}
	for in, kind := range map[string]registry.Kind{
		"/raw/":                                          registry.NotFound,
		"/raw/Main/":                                     registry.NotFound,
		"/raw/..":                                        registry.NotFound,
		"/raw/main/./1.0/x":                              registry.Invalid,
		"/raw/main/tool/../x":                            registry.Invalid,
		"/raw/main/tool/%2e%2e/x":                        registry.Invalid,
		"/raw/main/tool/1.0/..":                          registry.Invalid,
		"/raw/main/tool/1.0/a%2Fb":                       registry.Invalid,
		"/raw/main/tool/1.0/a%5Cb":                       registry.Invalid,
		"/raw/main/tool/1.0/a%00":                        registry.Invalid,
		"/raw/main/tool/1.0/a%0A":                        registry.Invalid,
		"/raw/main/tool/1.0/%zz":                         registry.Invalid,
		"/raw/main/tool/1.0/%C0%AE":                      registry.Invalid,
		"/raw/main/tool/1.0/e%CC%81":                     registry.Invalid, // not NFC
		"/raw/main/tool/1.0/%E2%80%AEx":                  registry.Invalid, // right-to-left override
		"/raw/main/tool/1.0/%20x":                        registry.Invalid,
		"/raw/main/tool/1.0/" + strings.Repeat("x", 256): registry.Invalid,
		"/raw/main/tool/1.0/" + strings.Repeat("x/", 2100) + "x": registry.Invalid,
		"/raw/main/" + strings.Repeat("x", 600) + "/1.0/x":       registry.Invalid,
		"/raw/main/tool/" + strings.Repeat("1", 256) + "/x":      registry.Invalid,
	} {
		if l, err := parseLocation(in); registry.KindOf(err) != kind || err == nil {
			t.Errorf("%.60s: %+v %v, want kind %d", in, l, err, kind)
		}
	}
}

// checkLocation parses a path; an accepted location has no ".", ".." or empty segment, no separator, control character,
// or text that Unicode normalisation changes within a segment, and its own path parses to itself.
func checkLocation(t *testing.T, path string) bool {
	l, err := parseLocation(path)
	if err != nil {
		if k := registry.KindOf(err); k != registry.Invalid && k != registry.NotFound {
			t.Fatalf("%q: %v", path, err)
		}
		return false
	}
	for _, seg := range l.segments {
		if seg == "" || seg == "." || seg == ".." || strings.ContainsAny(seg, "/\\") || strings.ContainsFunc(seg, unicode.IsControl) ||
			!norm.NFC.IsNormalString(seg) || !norm.NFKC.IsNormalString(seg) {
			t.Fatalf("%q was accepted with segment %q", path, seg)
		}
	}
	again, err := parseLocation(l.href())
	if err != nil || again.repository != l.repository || !slices.Equal(again.segments, l.segments) || again.dir != l.dir {
		t.Fatalf("%q became %q, which is %+v %v", path, l.href(), again, err)
	}
	return true
}

// TestS6 puts paths together from what is dangerous in one.
func TestS6(t *testing.T) {
	pieces := []string{
		"a", "1.0", ".", "..", "/", "//", "%2e", "%2E", "%2f", "%5c", "\\", "%00", "%0a", "%7f", "%25", "%252e", "%c0%ae", "%ff", "é", "e%cc%81",
		"%ef%bc%8e", "%ef%bc%8f", "%e2%80%ae", "%e2%80%8b", "%20", "+", ":", "~", "%", "%zz", "…", "%c2%85", "日",
	}
	rng := rand.New(rand.NewPCG(3, 4))
	accepted := 0
	for range 300_000 {
		path := "/raw/main/"
		for range 1 + rng.IntN(9) {
			path += pieces[rng.IntN(len(pieces))]
		}
		if checkLocation(t, path) {
			accepted++
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d paths were accepted: the test shows nothing", accepted)
	}
}

func FuzzParseLocation(f *testing.F) {
	for _, s := range []string{"/raw/main/tool/1.0/x", "/raw/main/tool/%2e%2e/x", "/raw/main/a%2Fb/1/x", "/raw/main/t/1/\u0301", "/raw/main/t/1/%ef%bc%8e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) { checkLocation(t, path) })
}

func TestPURL(t *testing.T) {
	at := registry.Name{Repository: "main", Format: name, Package: "my tool@x"}.At("1.0+build:7")
	if got, want := purl(at), "pkg:generic/my%20tool%40x@1.0%2Bbuild%3A7"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// FuzzHeaders: no media type or file name makes a header that means something else, and no query or condition a page out of
// bounds.
func FuzzHeaders(f *testing.F) {
	f.Add("text/html", "a.html", "format=json&limit=3&cursor=YQ")
	f.Add("text/html; charset=\"x\r\n\"", "a\"; filename=\"b.exe", "limit=-1&cursor=%00&format=xml")
	f.Add("/", "\u202egpj.exe", "limit=99999999999999999999&cursor=AA")
	f.Fuzz(func(t *testing.T, sent, file, query string) {
		kind := mediaType(sent, file)
		if kind != sent {
			if _, _, err := mime.ParseMediaType(kind); err != nil {
				t.Fatalf("%q of %q: %v", kind, file, err)
			}
		}
		line := disposition(kind, file)
		way, params, err := mime.ParseMediaType(line)
		if err != nil || way != "inline" && way != "attachment" || params["filename"] != file && utf8.ValidString(file) {
			t.Fatalf("%q: %q %q %v", line, way, params, err)
		}
		if strings.ContainsAny(line, "\r\n\x00") || len(params) > 1 {
			t.Fatalf("%q: %q", line, params)
		}
		q, err := parseList(&http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Accept": {sent}}})
		if err == nil && (q.limit < 1 || q.limit > registry.MaxPage || !utf8.ValidString(q.after) || strings.Contains(q.after, "\x00")) {
			t.Fatalf("%q: %+v", query, q)
		}
		c := parseCondition(http.Header{"If-Match": {sent}, "If-None-Match": {file}, "If-Unmodified-Since": {query}})
		if err := c.check(nil, file); err == nil {
			t.Fatalf("If-Match: %q holds without a file", sent)
		}
	})
}
