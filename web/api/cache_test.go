package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/integration/upstream/upstreamtest"
	"slipway/registry/maintain"
	"slipway/web/api"
)

// TestCache: what came from a registry elsewhere is listed page by page, goes, comes again, and is decided about, by administrators of the
// repository; the refusal of other bytes names the command that lets them in.
func TestCache(t *testing.T) {
	u := upstreamtest.New(t, upstreamtest.Options{})
	for _, name := range []string{"a tool/1.0.0/a", "a tool/1.0.0/b b", "tool/1.0.0/tool-1.0.0.zip", "tool/1.0.0/x%2F"} {
		u.Raw(name, []byte("content of "+name))
	}
	a := &env{formatstest.NewServer(t, formatstest.Options{}, api.New(api.Options{}), raw.New()), t}
	a.Remote("mirror", "raw", u.RawURL())
	const tool = "/raw/mirror/tool/1.0.0/tool-1.0.0.zip"
	get := func(path string, want int) formatstest.Response {
		t.Helper()
		res := a.Do(formatstest.Admin, formatstest.Request{Method: http.MethodGet, Path: path})
		if res.Status != want {
			t.Errorf("GET %s: %v, want %d", path, res, want)
		}
		return res
	}
	for _, path := range []string{"/raw/mirror/a%20tool/1.0.0/a", "/raw/mirror/a%20tool/1.0.0/b%20b", tool} {
		get(path, 200)
	}
	type file struct {
		Name, Path, State, Upstream, Digest, URL, Changed, PURL string
		Here                                                    bool
		Size                                                    int64
		UsedAt                                                  string `json:"used_at"`
	}
	list := func(query string, want ...string) (files []file) {
		t.Helper()
		var got []string
		for after := ""; ; {
			var page struct {
				Items []file
				Next  string
			}
			a.want(200, "GET", "/repositories/mirror/cache?limit=1"+query+"&after="+url.QueryEscape(after), "", &page)
			for _, f := range page.Items {
				files, got = append(files, f), append(got, f.Path+" "+f.State)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %q, want %q", query, got, want)
		}
		return files
	}
	list("", "a here", "b b here", "tool-1.0.0.zip here")
	list("&q=A+TOOL", "a here", "b b here")
	if f := list("&q=zip", "tool-1.0.0.zip here")[0]; f.Name != "tool" || f.Upstream != "up" || f.Size != 36 || !f.Here || f.URL != u.RawURL()+"tool/1.0.0/tool-1.0.0.zip" || f.PURL == "" || f.Digest == "" || f.UsedAt == "" {
		t.Errorf("%+v", f)
	}
	a.want(400, "GET", "/repositories/mirror/cache?state=gone", "", nil)
	a.want(400, "GET", "/repositories/mirror/cache?after=x", "", nil)

	const cache = "/repositories/mirror/cache/"
	var went struct{ Files, Bytes int64 }
	for _, body := range []string{`{"package":"tool"}`, `{"unused":"soon"}`, `{"keep":-1}`, `{"unused":"-1h"}`} {
		a.want(400, "POST", cache+"evict", body, nil)
	}
	a.want(404, "POST", cache+"evict", `{"upstream":"other"}`, nil)
	for body, files := range map[string]int64{`{"dry_run":true}`: 3, `{"unused":"1h"}`: 0, `{"keep":1000}`: 0, `{"keep":70,"dry_run":true}`: 1, `{"format":"npm"}`: 0, `{"upstream":"up","format":"raw","package":"a tool","dry_run":true}`: 2} {
		if a.want(200, "POST", cache+"evict", body, &went); went.Files != files {
			t.Errorf("%s: %+v, want %d", body, went, files)
		}
	}
	if a.want(200, "POST", cache+"evict", `{"format":"raw","package":"tool"}`, &went); went.Files != 1 || went.Bytes != 36 {
		t.Errorf("evicted %+v", went)
	}
	list("&state=evicted", "tool-1.0.0.zip evicted")
	if _, err := a.Maintain.Collect(a.Admin, maintain.CollectOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	u.Raw("tool/1.0.0/tool-1.0.0.zip", []byte("other"))
	const at = `{"format":"raw","package":"tool","version":"1.0.0"`
	a.want(404, "POST", cache+"accept", at+`}`, nil)
	if res := get(tool, 502); !strings.Contains(string(res.Body), "slipway cache accept mirror raw tool 1.0.0 tool-1.0.0.zip lets") {
		t.Errorf("the refusal does not say what to do: %v", res)
	}
	if f := list("&state=changed", "tool-1.0.0.zip changed")[0]; f.Here || !strings.HasPrefix(f.Changed, "sha256 ") {
		t.Errorf("%+v", f)
	}
	a.want(400, "POST", cache+"deny", `{"format":"raw","package":"tool"}`, nil)
	a.want(404, "POST", cache+"deny", at+`,"path":"other"}`, nil)
	a.want(204, "POST", cache+"deny", at+`}`, nil)
	list("&state=denied", "tool-1.0.0.zip denied")
	a.want(400, "POST", cache+"accept", `{"format":"raw","package":"tool","path":"tool-1.0.0.zip"}`, nil)
	a.want(404, "POST", cache+"accept", `{"format":"raw","package":"tool"}`, nil)
	a.want(404, "POST", cache+"accept", at+`,"path":"other"}`, nil)
	a.want(201, "POST", "/repositories", `{"name":"group","upstreams":["mirror"]}`, nil)
	a.want(404, "POST", "/repositories/group/cache/accept", at+`}`, nil) // an administrator of the mirror says so
	a.want(404, "POST", "/repositories/group/cache/deny", at+`}`, nil)
	a.want(204, "POST", cache+"accept", at+`,"path":"tool-1.0.0.zip"}`, nil)
	if res := get(tool, 200); string(res.Body) != "other" {
		t.Errorf("accepted: %v", res)
	}
	list("", "a here", "b b here", "tool-1.0.0.zip here")

	a.want(409, "POST", cache+"restore", at+`}`, nil)
	a.want(204, "DELETE", "/repositories/mirror/packages/raw/tool/versions/1.0.0", "", nil)
	get(tool, 404)
	list("", "a here", "b b here")
	var restored struct{ State string }
	if a.want(200, "POST", cache+"restore", at+`,"reason":"a mistake"}`, &restored); restored.State != "published" {
		t.Errorf("restored: %+v", restored)
	}
	get(tool, 200)
	a.MustFsck(t)
}
