package httpserver_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/formats/raw"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/registrytest"
	"slipway/storage/s3"
	"slipway/storage/s3/s3test"
)

// TestRedirect: large downloads go to the S3 server itself, without the caller's credentials; answers without bytes, small
// files, and files for clients that follow no redirects come from this server.
func TestRedirect(t *testing.T) {
	blobs, err := s3.New(context.Background(), s3test.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	s := formatstest.NewServer(t, formatstest.Options{
		Site: httpserver.Options{RedirectBytes: 1000}, Core: []registrytest.Option{registrytest.WithBlobs(blobs)},
	}, probe{}, raw.New())
	for path, content := range map[string]string{"large": strings.Repeat("x", 1000), "small": "x"} {
		if res := s.Do(formatstest.Admin, formatstest.Request{Method: "PUT", Path: "/raw/main/tool/1.0/" + path, Body: []byte(content)}); res.Status != http.StatusCreated {
			t.Fatal(res)
		}
	}
	large, small := "/probe/main/tool/1.0/large", "/probe/main/tool/1.0/small"
	get := func(method, path string, header ...string) formatstest.Response {
		q := formatstest.Request{Method: method, Path: path}
		for i := 0; i < len(header); i += 2 {
			q = q.With(header[i], header[i+1])
		}
		return s.Do(formatstest.Admin, q)
	}
	res := get("GET", large)
	link := res.Header.Get("Location")
	if res.Status != http.StatusTemporaryRedirect || link == "" || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Etag") != "" || len(res.Body) != 0 {
		t.Fatalf("large: %v %v", res, res.Header)
	}
	if strings.Contains(link, "slp_") || strings.Contains(s.Log(), "X-Amz-Signature") {
		t.Error("a credential is in the link, or the link in the log")
	}
	direct, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Body.Close()
	if body, err := io.ReadAll(direct.Body); err != nil || len(body) != 1000 || direct.Header.Get("Content-Type") != "application/x-probe" {
		t.Errorf("the store answers %s, %d bytes of %q, %v", direct.Status, len(body), direct.Header.Get("Content-Type"), err)
	}
	etag := get("HEAD", large).Header.Get("Etag")
	for name, c := range map[string]struct {
		res  formatstest.Response
		want int
	}{
		"HEAD":           {get("HEAD", large), http.StatusOK},
		"small":          {get("GET", small), http.StatusOK},
		"known":          {get("GET", large, "If-None-Match", etag), http.StatusNotModified},
		"part of known":  {get("GET", large, "If-Range", etag, "Range", "bytes=0-1"), http.StatusPartialContent},
		"part":           {get("GET", large, "Range", "bytes=0-1"), http.StatusTemporaryRedirect},
		"not redirected": {get("GET", "/raw/main/tool/1.0/large"), http.StatusOK},
	} {
		if c.res.Status != c.want {
			t.Errorf("%s: %v, want %d", name, c.res, c.want)
		}
	}
}

// probe serves raw files as a format does whose clients follow redirects.
type probe struct{}

func (probe) Name() string { return "probe" }

func (probe) Mount(root *mux.Router, site *formats.Site) {
	root.Handle("/probe/{repository}/{package}/{version}/{path}", site.Handle(httpserver.Route{Format: "probe", Name: "probe.get"}, httpserver.Problem,
		func(w http.ResponseWriter, r *http.Request) error {
			v := mux.Vars(r)
			at, err := registry.NewName(v["repository"], "raw", v["package"], "")
			if err != nil {
				return err
			}
			f, err := site.Parts.Catalog.File(r.Context(), at.At(v["version"]), v["path"])
			if err != nil {
				return err
			}
			return site.ServeFile(w, r, f, httpserver.FileOptions{ContentType: "application/x-probe", Redirect: true})
		}))
}
