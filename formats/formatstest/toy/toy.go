// Package toy is a format as small as a format can be: a version is one file. It is no part of the program: the test that
// serves it shows that a format is added with its folder and one line.
package toy

import (
	"net/http"
	"strings"
	"testing/fstest"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/setup"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
)

const (
	name = "toy"
	// filePath is the path of the one file of a version.
	filePath = "toy.bin"
	maxBytes = 1 << 20
)

// frozen refuses every publish.
var frozen = registry.NewSetting[bool]("toy_frozen", "No new toys", "No toy can be published.")

// Format is the format: GET and PUT /toy/<repository>/<package>/<version>, and GET /toy/<repository>/<package> for its
// versions. A publish sets the tag newest.
type Format struct{}

var (
	_ formats.Format = Format{}
	_ formats.Guided = Format{}
)

// Name implements formats.Format.
func (Format) Name() string { return name }

// Rules implements formats.Format.
func (Format) Rules() registry.Rules {
	return registry.Rules{
		PURLType: name, Settings: []registry.Setting{frozen.Setting},
		Normalize: func(pkg string) (string, error) {
			if strings.Contains(pkg, "/") {
				return "", registry.Errorf(registry.Invalid, registry.AboutPackage, "a toy's name has no slash")
			}
			return strings.ToLower(pkg), nil
		},
	}
}

// Setup implements formats.Guided.
func (Format) Setup() setup.Section {
	return setup.Section{
		ID: "toys", Title: "Toys", About: "A toy is one file.", Of: "small", Things: "toys",
		Clients: []setup.Client{{Name: "curl", Blocks: []setup.Block{{About: "Up", Text: "up"}}}},
		Texts:   fstest.MapFS{"up.txt": {Data: []byte("curl -T toy {{.Base}}/toy/{{.Repository}}/bear/1\n")}},
	}
}

type handlers struct{ site *formats.Site }

// Mount implements formats.Format.
func (Format) Mount(root *mux.Router, site *formats.Site) {
	h := handlers{site}
	router := root.PathPrefix("/toy").Subrouter()
	route := func(path, rt string, fn httpserver.Handler, methods ...string) {
		of := httpserver.Route{Format: name, Name: name + "." + rt}
		router.Handle(path, site.Handle(of, httpserver.Problem, fn)).Methods(methods...)
	}
	route("/{repository}/{package}", "versions", h.versions, http.MethodGet, http.MethodHead)
	route("/{repository}/{package}/{version}", "get", h.get, http.MethodGet, http.MethodHead)
	route("/{repository}/{package}/{version}", "put", h.put, http.MethodPut)
	site.Fallback(root, router, name, httpserver.Problem)
}

// at is the coordinate of a request. Its variables stay as they are encoded, for names here need no encoding.
func at(r *http.Request) registry.Coordinate {
	v := mux.Vars(r)
	return registry.Name{Repository: v["repository"], Format: name, Package: strings.ToLower(v["package"]), Display: v["package"]}.At(v["version"])
}

// versions answers with the names of all versions, one a line.
func (h handlers) versions(w http.ResponseWriter, r *http.Request) error {
	listing, err := h.site.Parts.Catalog.PackageListing(r.Context(), at(r).Name, false)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, v := range listing.Versions {
		b.WriteString(v.Name + "\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write([]byte(b.String()))
	return err
}

func (h handlers) get(w http.ResponseWriter, r *http.Request) error {
	f, err := h.site.Parts.Catalog.File(r.Context(), at(r), filePath)
	if err != nil {
		return err
	}
	return h.site.ServeFile(w, r, f, httpserver.FileOptions{})
}

func (h handlers) put(w http.ResponseWriter, r *http.Request) error {
	at := at(r)
	pub, err := h.site.Parts.Publisher.Begin(r.Context(), at.Name)
	if err != nil {
		return err
	}
	defer pub.Abort()
	if frozen.In(pub.Repository()) {
		return registry.Errorf(registry.Denied, registry.AboutRepository, "no toy can be published here")
	}
	if _, err := pub.Stage(r.Context(), content.StageFile{Path: filePath, Limit: maxBytes}, r.Body); err != nil {
		return err
	}
	_, err = pub.Commit(r.Context(), publish.Release{
		Version: at.Version, PURL: "pkg:toy/" + at.Package + "@" + at.Version, SortKey: []byte(at.Version), Tags: []string{"newest"},
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}
