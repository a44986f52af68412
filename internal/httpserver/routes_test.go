package httpserver_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/all"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry/registrytest"
	"slipway/web/api"
	"slipway/web/ui"
)

var everyMethod = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PROPFIND",
}

// everyRoute is the router of the whole server.
func everyRoute(t testing.TB) (*httpserver.Server, *mux.Router) {
	t.Helper()
	server, err := httpserver.New(httpserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	core := registrytest.New(t).Instance
	a := api.New(api.Options{})
	a.Over(core)
	pages := ui.New("", a.Direct())
	pages.Over(core)
	mounts := []httpserver.Mounter{a, pages}
	site := &formats.Site{Server: server, Parts: &formats.Parts{Core: core.Core}}
	for _, f := range all.All() {
		mounts = append(mounts, site.Mounter(f))
	}
	return server, httpserver.NewRouter(server, mounts...)
}

// sameRoutes compares what Routes finds for a path with what mux finds by itself.
func sameRoutes(t testing.TB, server *httpserver.Server, root *mux.Router, address *url.URL) {
	t.Helper()
	var found []string
	for _, method := range everyMethod {
		r := &http.Request{Method: method, URL: address}
		var want mux.RouteMatch
		if !root.Match(r, &want) {
			t.Fatalf("mux has no answer to %s %q", method, address.EscapedPath())
		}
		fallback := httpserver.IsFallback(want.Handler)
		got, vars := server.FindRoute(root, r)
		if got != want.Handler || !fallback && len(vars)+len(want.Vars) > 0 && !maps.Equal(vars, want.Vars) {
			t.Fatalf("%s %q: %+v %v, mux finds %+v %v", method, address.EscapedPath(), got, vars, want.Handler, want.Vars)
		}
		if want.MatchErr == nil && !fallback && method != "PROPFIND" {
			found = append(found, method)
		}
	}
	if methods := server.FindMethods(root, &http.Request{Method: "PROPFIND", URL: address}); !slices.Equal(found, methods) {
		t.Fatalf("%q has %v, with mux %v", address.EscapedPath(), methods, found)
	}
}

var variable = regexp.MustCompile(`\{(\w+)(:[^{}]+)?\}`)

// TestRoutes: the routes that are found by their templates are those that mux finds when it tries them all, for paths like those of every
// route, and for paths that differ from them by a segment or a slash. (Under the race detector it compares some of them.)
func TestRoutes(t *testing.T) {
	server, root := everyRoute(t)
	paths := map[string]bool{"*": true, "": true, "/": true, "//": true, "/rawx/a": true, "/mavenx": true, "/v2x": true, "/v3/a/manifests/b": true,
		"/npm": true, "/npm/main/@a%2fb": true, "/npm/main/left-pad/-/left-pad-1.0.0.tgz": true, "/pypi/main/simple/x/": true, "/pypi/main/files/a/b": true}
	err := root.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		text, err := route.GetPathTemplate()
		if err != nil {
			return nil // it has none
		}
		for _, value := range []string{"x", "7", "a/b", "", "blobs", "a/blobs/uploads", "manifests/tags", "a%2Fb", "..", "sha256:0", "a.json"} {
			path := variable.ReplaceAllString(text, value)
			for _, p := range []string{path, path + "/", path + "/x", path[:max(strings.LastIndexByte(path, '/'), 0)], path + "x", "/" + path, strings.Replace(path, "/", "//", 2)} {
				paths[p] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 1000 {
		t.Fatalf("%d paths: the routes were not found", len(paths))
	}
	for n, path := range slices.Sorted(maps.Keys(paths)) {
		if !formatstest.Sampled(n) {
			continue
		}
		address, err := url.ParseRequestURI("http://host" + path)
		if path == "*" || err != nil {
			address = &url.URL{Path: path}
		}
		sameRoutes(t, server, root, address)
	}
}

func FuzzRoutes(f *testing.F) {
	server, root := everyRoute(f)
	for _, path := range []string{"/v2/a/b/blobs/uploads/", "/api/v1/repositories/a/packages/npm/b/versions/1", "/raw/a/b", "/r/a"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		address, err := url.ParseRequestURI("http://host/" + strings.TrimPrefix(path, "/"))
		if err != nil {
			return // no server gets it
		}
		sameRoutes(t, server, root, address)
	})
}

func BenchmarkRoutes(b *testing.B) {
	server, root := everyRoute(b)
	for _, path := range []string{"/v2/main/app/manifests/latest", "/npm/main/left-pad/-/left-pad-1.0.0.tgz", "/raw/main/tool/1.0/tool.tar.gz",
		"/api/v1/repositories/main/packages/npm/left-pad/versions/1.0.0", "/nothing/here"} {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}}
		b.Run(fmt.Sprintf("mux%s", path), func(b *testing.B) {
			for b.Loop() {
				var m mux.RouteMatch
				root.Match(r, &m)
			}
		})
		b.Run(fmt.Sprintf("routes%s", path), func(b *testing.B) {
			for b.Loop() {
				server.FindRoute(root, r)
			}
		})
	}
}
