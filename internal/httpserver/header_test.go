package httpserver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/registry/access"
)

// FuzzAccept: every weight is between 0 and 1, and gzip is taken only where the header names it or *.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{"application/json", "text/html;q=0.5, application/json;q=NaN", "gzip;q=1e999,*;q=-1", ";;q=,,=", "*/*;q=0x1p-2", "gzip;Q=Inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h := http.Header{"Accept": {value, value}, "Accept-Encoding": {value}}
		for item := range strings.SplitSeq(value, ",") {
			name, q := Weighted(item)
			if !(q >= 0 && q <= 1) || strings.TrimSpace(name) != name {
				t.Fatalf("%q is %q with weight %v", item, name, q)
			}
			if got := Accepts(h, name); !(got >= 0 && got <= 1) {
				t.Fatalf("%q gives %q %v", value, name, got)
			}
		}
		if acceptsGzip(h) && !strings.Contains(strings.ToLower(value), "gzip") && !strings.Contains(value, "*") {
			t.Fatalf("%q takes gzip", value)
		}
	})
}

// FuzzCredentials: any credentials but an empty Bearer token count as an attempt to log in.
func FuzzCredentials(f *testing.F) {
	for _, s := range []string{"", "Bearer slp_x", "bearer  ", "Basic dTpw", "Basic !", "basic Og==", "Negotiate x", " ", "Bearer\tx", "Basic dTpwOnE="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c := Credentials(&http.Request{Header: http.Header{"Authorization": {value}}})
		scheme, rest, _ := strings.Cut(value, " ")
		blank := value == "" || strings.EqualFold(scheme, "bearer") && strings.TrimSpace(rest) == "" || strings.EqualFold(scheme, "basic") && c.User == "" && c.Password == ""
		if c == (access.Credentials{}) && !blank {
			t.Fatalf("%q counts as nobody", value)
		}
		if c.Token != "" && (c.User != "" || c.Password != "") {
			t.Fatalf("%q is a token and a user: %+v", value, c)
		}
	})
}

// FuzzETag: a listed tag is found, and a weak tag does not match as a strong one.
func FuzzETag(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a", "b"`, "*", `"a,b"`, ",,", ` "a" `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		const tag = `"d2a84f4b8b650937ec8f73cd8be2c74add5a911ba64df27458ed8229da804a26"`
		values := []string{value}
		strong, weak := MatchesETag(values, tag, false), MatchesETag(values, tag, true)
		if strong && !weak {
			t.Fatalf("%q names it strongly and not weakly", value)
		}
		if weak && !strings.Contains(value, tag) && !strings.Contains(value, "*") {
			t.Fatalf("%q names it", value)
		}
		if !MatchesETag(append(values, tag), tag, false) {
			t.Fatalf("behind %q it is not found", value)
		}
		notModified(&http.Request{Header: http.Header{"If-None-Match": values, "If-Modified-Since": values}}, tag, time.Unix(1, 0))
	})
}

// FuzzReason: a reason phrase is short and printable.
func FuzzReason(f *testing.F) {
	for _, s := range []string{"", "a/b", "\xff\xfe", strings.Repeat("é", 100), "a\r\nb", "…", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		reason := asReason(s, maxReasonBytes)
		if len(reason) > maxReasonBytes || strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q became the reason %q", s, reason)
		}
	})
}
