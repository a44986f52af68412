package pypi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
)

// seen is the format that notes the site it is mounted on: the address of a file holds its digest, which the suite does not know.
type seen struct {
	*Format
	site **formats.Site
}

func (s seen) Mount(root *mux.Router, site *formats.Site) {
	*s.site = site
	s.Format.Mount(root, site)
}

const formType = "multipart/form-data; boundary=" + boundary

func uploadRequest(t testing.TB, repository string, p post) formatstest.Request {
	return formatstest.Request{Method: http.MethodPost, Path: prefix + repository + "/", Body: p.body(t)}.With("Content-Type", formType)
}

// TestSuite runs what all formats share.
func TestSuite(t *testing.T) {
	var site *formats.Site
	download := func(repository, pkg, version string) string {
		name := dist{name: pkg, version: version}.wheelName()
		sum := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		f, err := site.Parts.Catalog.File(access.With(context.Background(), access.System()), registry.Name{Repository: repository, Format: formatName, Package: pkg}.At(""), name)
		if err == nil {
			sum = f.Blob.Digest.Encoded()
		}
		return prefix + repository + "/files/" + sum + "/" + name
	}
	publish := func(repository, pkg, version string, content []byte) formatstest.Request {
		return uploadRequest(t, repository, post{file: dist{name: pkg, version: version}.wheelName(), content: content})
	}
	examples := map[string]string{
		"pypi.home": "/", "pypi.index": "/simple/", "pypi.project": "/simple/example/", "pypi.yank": "/api/example/1.0.0/yank",
		"pypi.unyank": "/api/example/1.0.0/yank", "pypi.delete_version": "/api/example/1.0.0",
		"pypi.delete_file": "/api/example/1.0.0/example-1.0.0-py3-none-any.whl", "pypi.link": "/example/1.0.0/", "pypi.unknown": "/simple/a/b",
	}
	formatstest.Run(t, formatstest.Suite{
		New:     func() formats.Format { return seen{New(), &site} },
		Publish: publish,
		Download: func(repository, pkg, version string) formatstest.Request {
			return formatstest.Request{Method: http.MethodGet, Path: download(repository, pkg, version)}
		},
		Needs: map[string][]access.Action{
			"POST pypi.upload": {access.Publish}, "PUT pypi.yank": {access.Publish}, "DELETE pypi.unyank": {access.Publish},
			"DELETE pypi.delete_version": {access.Delete}, "DELETE pypi.delete_file": {access.Delete},
		},
		Cells: map[string]formatstest.Cell{
			"pypi.home": formatstest.Apart, "pypi.index": formatstest.Names, "pypi.project": formatstest.Page, "pypi.file": formatstest.Exact,
			"pypi.metadata": formatstest.Exact, "pypi.link": formatstest.Document, "pypi.unknown": formatstest.Apart,
		},
		Example: func(route httpserver.Route, _, repository string) (formatstest.Request, bool) {
			switch route.Name {
			case "pypi.upload":
				return publish(repository, "example", "3.0.0", dist{name: "example", version: "3.0.0"}.wheel(t)), true
			case "pypi.file":
				return formatstest.Request{Path: download(repository, "example", "1.0.0")}, true
			case "pypi.metadata":
				return formatstest.Request{Path: download(repository, "example", "1.0.0") + metadataSuffix}, true
			}
			path, ok := examples[route.Name]
			return formatstest.Request{Path: prefix + repository + path}, ok
		},
		Content: func(pkg, version string, seed []byte) []byte {
			return dist{name: pkg, version: version, seed: seed}.wheel(t)
		},
		Refusal: refusal,
		// "//" counts as one slash; what is not a page is looked up at once, a page is sent to its own address first.
		Malformed: func(before, _, reserved string) int {
			if strings.HasSuffix(strings.TrimRight(before, "/"), "/simple") && !strings.Contains(reserved, "/") && !strings.HasPrefix(reserved, ".") {
				return http.StatusMovedPermanently // the name of a project
			}
			return 0
		},
		Created: http.StatusOK, Again: http.StatusOK, Conflict: http.StatusConflict,
	})
}
