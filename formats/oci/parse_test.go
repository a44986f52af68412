package oci

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"slipway/registry"
	"slipway/registry/access"
)

func TestCheckImage(t *testing.T) {
	for name, ok := range map[string]bool{
		"app": true, "team/app": true, "a/b/c/d": true, "a.b_c__d-e--f": true, "0": true, strings.Repeat("a", 255): true,
		"blobs/uploads": true, "manifests/tags/list": true,
		"": false, "App": false, "a//b": false, "/a": false, "a/": false, "a..b": false, "a___b": false, "-a": false, "a-": false, "a._b": false,
		"a/../b": false, "a b": false, "ä": false, "a%2fb": false, "a\x00": false, "a\n": false, "a:b": false, strings.Repeat("a", 256): false,
	} {
		if err := checkImage(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestRouting: what a path means is decided at its end, as names may contain every keyword.
func TestRouting(t *testing.T) {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	newRoutes(router)
	for target, want := range map[string]string{
		"GET /v2/": "ping", "HEAD /v2": "ping", "GET /v2/_catalog": "catalog", "POST /token": "token_form",
		"GET /v2/main/a/manifests/1":                            "manifest main/a",
		"GET /v2/main/a%2Fb/manifests/1":                        "manifest main/a/b",
		"GET /v2/%6Dain/a/manifests/sha256%3Aabc":               "manifest main/a",
		"PUT /v2/main/manifests/manifests/manifests":            "manifest_put main/manifests",
		"DELETE /v2/main/tags/list/manifests/x":                 "manifest_delete main/tags/list",
		"GET /v2/main/blobs/uploads/blobs/sha256:x":             "blob main/blobs/uploads",
		"DELETE /v2/main/a/blobs/sha256:x":                      "blob_delete main/a",
		"POST /v2/main/a/blobs/uploads":                         "upload_start main/a",
		"POST /v2/main/blobs/uploads/blobs/uploads/":            "upload_start main/blobs/uploads",
		"PATCH /v2/main/blobs/blobs/uploads/1":                  "upload_append main/blobs",
		"PUT /v2/main/a/blobs/uploads/1":                        "upload_finish main/a",
		"GET /v2/main/a/blobs/uploads/1":                        "upload_status main/a",
		"DELETE /v2/main/a/blobs/uploads/1":                     "upload_cancel main/a",
		"GET /v2/main/tags/list/tags/list":                      "tags main/tags/list",
		"GET /v2/main/referrers/referrers/sha256:x":             "referrers main/referrers",
		"GET /v2/main/a/manifests/a/b":                          "",
		"GET /v1/search":                                        "",
		"GET /v2/main/a":                                        "",
		"GET /v2/main/a/manifests/":                             "",
		"PATCH /v2/main/a/manifests/1":                          "",
		"GET /v2/" + strings.Repeat("a/", 2000) + "tags/list/x": "",
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, nil)
		var m mux.RouteMatch
		got := ""
		if router.Match(r, &m) && m.Route != nil && m.MatchErr == nil {
			if rt, ok := routeName(m.Handler); ok {
				got = rt
				if _, ok := m.Vars["name"]; ok {
					got += " " + fullName(mux.SetURLVars(r, m.Vars))
				}
			}
		}
		if got != want {
			t.Errorf("%.80s: %q, want %q", target, got, want)
		}
	}
}

func TestParseScopes(t *testing.T) {
	for _, c := range []struct {
		params []string
		want   string
	}{
		{nil, "[]"},
		{[]string{"repository:main/a:pull"}, "[{repository main/a [pull]}]"},
		{[]string{"repository:main/a:push,pull"}, "[{repository main/a [push pull]}]"},
		{[]string{"repository:main/a:pull repository:main/b:pull,push"}, "[{repository main/a [pull]} {repository main/b [pull push]}]"},
		{[]string{"repository:main/a:pull", "repository:main/a:push", "repository:main/a:pull"}, "[{repository main/a [pull push]}]"},
		{[]string{"repository(plugin):main/a:pull", "registry:catalog:*"}, "[{repository main/a [pull]} {registry catalog [*]}]"},
		{[]string{"repository:localhost:5000/main/a:*"}, "[{repository localhost:5000/main/a [*]}]"},
		{[]string{"", "rubbish", ":", "a:b", "repository:main/a:fly"}, "[{repository main/a []}]"},
	} {
		s, err := parseScopes(c.params)
		if got := fmt.Sprint(s); err != nil || got != c.want {
			t.Errorf("%q: %s, %v", c.params, got, err)
		}
	}
	many := make([]string, maxScopes+1)
	for i := range many {
		many[i] = fmt.Sprintf("repository:main/a%d:pull", i)
	}
	if _, err := parseScopes(many); registry.KindOf(err) != registry.Invalid {
		t.Errorf("too many scopes: %v", err)
	}
	if _, err := parseScopes(many[1:]); err != nil {
		t.Errorf("as many as are taken: %v", err)
	}
	if _, err := parseScopes([]string{"repository:" + strings.Repeat("a", maxScopeBytes) + ":pull"}); registry.KindOf(err) != registry.Invalid {
		t.Errorf("too long a scope: %v", err)
	}
	// Anybody may send these: what is too long is not read, and no more are kept than are taken.
	text := "a:b:"
	for i := range 10_000 {
		text += fmt.Sprintf(" a:%x:", i)
	}
	for _, params := range [][]string{{text}, strings.Fields(text)} {
		if n := testing.AllocsPerRun(1, func() { _, _ = parseScopes(params) }); n > 10*maxScopes {
			t.Errorf("%d scopes in %d parameters: %.0f allocations", strings.Count(text, " ")+1, len(params), n)
		}
	}
}

func FuzzParseScopes(f *testing.F) {
	f.Add("repository:main/a:pull,push registry:catalog:*")
	f.Add("repository(x):h:1/a:*")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseScopes([]string{text})
		if err != nil {
			return
		}
		if s.cover(push, "main/a") && !strings.Contains(text, "main/a") {
			t.Fatalf("%q covers main/a", text)
		}
		s.granted(access.Anonymous(true))
	})
}

// testHandlers can make and open session tokens.
func testHandlers(now time.Time) *handlers {
	return &handlers{now: func() time.Time { return now }, key: func() ([]byte, error) { return []byte("0123456789abcdef0123456789abcdef"), nil }}
}

// TestS28: a session token is not valid with any byte of it changed, added or taken away, after its time, or under another
// key. S-27 is with it: there is no header that could name another algorithm or key.
func TestS28(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	h := testHandlers(now)
	token, err := h.seal(session{Proof: access.Proof{ID: "user:1", Mark: "m"}, Scopes: scopes{{"repository", "main/a", []string{"pull"}}}, Expires: now.Unix() + 1})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.open(token); err != nil || s.Proof.ID != "user:1" || !s.Scopes.cover(pull, "main/a") || s.Scopes.cover(push, "main/a") || s.Scopes.cover(pull, "main/b") {
		t.Fatalf("%+v, %v", s, err)
	}
	for i := range token {
		for _, change := range []string{token[:i] + string(token[i]^1) + token[i+1:], token[:i] + token[i+1:], token[:i] + "A" + token[i:], token[:i] + "\n" + token[i:]} {
			if change == token {
				continue
			}
			if s, err := h.open(change); isSession(change) && registry.KindOf(err) != registry.Unauthenticated {
				t.Fatalf("changed at %d: %+v, %v", i, s, err)
			}
		}
	}
	if _, err := testHandlers(now.Add(time.Second)).open(token); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("after its time: %v", err)
	}
	other := testHandlers(now)
	other.key = func() ([]byte, error) { return []byte("another"), nil }
	if _, err := other.open(token); registry.KindOf(err) != registry.Unauthenticated {
		t.Errorf("another key: %v", err)
	}
	for _, forged := range []string{sessionPrefix, sessionPrefix + ".", sessionPrefix + "e30.", sessionPrefix + "e30", sessionPrefix + "..", "eyJhbGciOiJub25lIn0.e30."} {
		if _, err := h.open(forged); registry.KindOf(err) != registry.Unauthenticated {
			t.Errorf("%q: %v", forged, err)
		}
	}
}

func FuzzOpenSession(f *testing.F) {
	h := testHandlers(time.Unix(0, 0))
	token, _ := h.seal(session{Expires: 1})
	f.Add(token)
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := h.open(text); err == nil && text != token {
			t.Fatalf("%q is taken: %+v", text, s)
		}
	})
}
