package pypi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
)

const (
	formatName = "pypi"

	// defaultFileBytes: wheels with CUDA in them have up to 3 GB.
	defaultFileBytes = 8 << 30
)

// Format is the PyPI front-end.
type Format struct {
	// MaxFileBytes bounds one distribution file; 0 is 8 GiB.
	MaxFileBytes int64
}

// New returns the front-end with its default limits.
func New() *Format { return &Format{} }

// Name implements formats.Format.
func (*Format) Name() string { return formatName }

// Rules implements formats.Format: names by PEP 503, any tag.
func (*Format) Rules() registry.Rules {
	return registry.Rules{PURLType: "pypi", PackagePURL: packagePURL, Normalize: normalize, Spelling: spelling, Order: order, States: []registry.State{registry.Yanked}, UnionFiles: true,
		Family: family, FamilySize: 2, Readme: readme, Describe: describeVersion}
}

// handlers answer the requests of one site.
type handlers struct {
	site      *formats.Site
	fileBytes int64
}

// family is registry.Rules.Family: the text before the first hyphen, which one package alone says nothing about.
func family(name string) string {
	prefix, _, has := strings.Cut(name, "-")
	if !has {
		return ""
	}
	return prefix + "-*"
}

// handler answers a request whose path is parsed.
type handler func(h *handlers, w http.ResponseWriter, r *http.Request, t target) error

var routes = []struct {
	op     op
	method string
	name   string
	handle handler
}{
	{opHome, http.MethodGet, "pypi.home", (*handlers).home},
	{opHome, http.MethodPost, "pypi.upload", (*handlers).upload},
	{opUpload, http.MethodPost, "pypi.upload", (*handlers).upload},
	{opIndex, http.MethodPost, "pypi.upload", (*handlers).upload}, // tools guess the upload address from the index
	{opIndex, http.MethodGet, "pypi.index", (*handlers).index},
	{opProject, http.MethodGet, "pypi.project", (*handlers).project},
	{opLink, http.MethodGet, "pypi.link", (*handlers).link},
	{opFile, http.MethodGet, "pypi.file", (*handlers).file},
	{opYank, http.MethodPut, "pypi.yank", (*handlers).yank},
	{opYank, http.MethodDelete, "pypi.unyank", (*handlers).unyank},
	{opVersion, http.MethodDelete, "pypi.delete_version", (*handlers).deleteVersion},
	{opVersionFile, http.MethodDelete, "pypi.delete_file", (*handlers).deleteFile},
}

// metadataRoute counts the requests for core metadata apart from those for files.
const metadataRoute = "pypi.metadata"

// opVar carries the parsed operation from the subrouter to its routes.
const opVar = "pypi.op"

// Mount implements formats.Format. One parser distinguishes the routes, so that a path is decoded in one place only.
func (f *Format) Mount(root *mux.Router, site *formats.Site) {
	h := &handlers{site: site, fileBytes: f.MaxFileBytes}
	if h.fileBytes == 0 {
		h.fileBytes = defaultFileBytes
	}
	tree := root.MatcherFunc(func(r *http.Request, m *mux.RouteMatch) bool {
		if m.Vars[opVar] != "" {
			return true // every route of the tree asks this again
		}
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, prefix) {
			return false
		}
		t, ok := parsePath(path)
		if !ok {
			t.op = opUnknown
		}
		m.Vars = map[string]string{opVar: t.op.key(t)}
		return true
	}).Subrouter()
	for _, rt := range routes {
		h.route(tree, rt.op.key(target{}), rt.method, rt.name, rt.handle)
	}
	h.route(tree, opFile.key(target{file: metadataSuffix}), http.MethodGet, metadataRoute, (*handlers).file)
	site.Fallback(root, tree, formatName, renderError)
}

// key is the operation as a route variable; files of metadata have their own route.
func (o op) key(t target) string {
	s := strconv.Itoa(int(o))
	if o == opFile && strings.HasSuffix(t.file, metadataSuffix) {
		s += metadataSuffix
	}
	return s
}

func (h *handlers) route(tree *mux.Router, key, method, name string, handle handler) {
	methods := []string{method}
	if method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	// The operation is matched first: a mismatch of the method then means 405.
	tree.MatcherFunc(func(_ *http.Request, m *mux.RouteMatch) bool { return m.Vars[opVar] == key }).
		Methods(methods...).
		Handler(h.site.Handle(httpserver.Route{Format: formatName, Name: name}, renderError, h.adapt(handle)))
}

// adapt hands the parsed path to a handler.
func (h *handlers) adapt(fn handler) httpserver.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, ok := parsePath(r.URL.EscapedPath())
		if !ok {
			return registry.Errorf(registry.NotFound, registry.AboutRequest, "there is nothing at this path")
		}
		return fn(h, w, r, t)
	}
}
