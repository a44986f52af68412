package npm

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
)

const (
	formatName  = "npm"
	requiredTag = "latest"

	// defaultTarballBytes: JavaScript clients fail beyond about 384 MiB, because of the longest string that can hold the
	// base64.
	defaultTarballBytes = 512 << 20
)

// Format is the npm front-end.
type Format struct {
	// MaxTarballBytes bounds a published tarball, decoded; 0 is 512 MiB. A proxy in front needs 4/3 of it.
	MaxTarballBytes int64
}

// New returns the front-end with its default limits.
func New() *Format { return &Format{} }

// Name implements formats.Format.
func (*Format) Name() string { return formatName }

// Rules implements formats.Format: names are not normalised, though new ones must differ in more than their case; no tag may
// read as a version range; and latest always exists.
func (*Format) Rules() registry.Rules {
	return registry.Rules{
		PURLType: "npm", PackagePURL: packagePURL, Normalize: checkName, Spelling: spelling, Order: order, CheckTag: checkTag, RequiredTag: requiredTag,
		States: []registry.State{registry.Deprecated, registry.Yanked}, Settings: []registry.Setting{legacyNames.Setting}, OneCase: true,
		Merge: true, Family: family, Readme: readme, Describe: describeVersion,
	}
}

// family is registry.Rules.Family: the scope.
func family(name string) string {
	scope, _, scoped := strings.Cut(name, "/")
	if !scoped {
		return ""
	}
	return scope + "/*"
}

// handlers answer the requests of one site.
type handlers struct {
	site         *formats.Site
	tarballBytes int64
}

// handler answers a request whose path is parsed.
type handler func(h *handlers, w http.ResponseWriter, r *http.Request, t target) error

// route is one operation with one method; HEAD is handled as GET.
type route struct {
	op     op
	method string
	name   string
	// public routes concern no repository, or must ignore invalid credentials: npm sends its stale token when it logs in again
	// (npm.md 2.7). Handlers of account routes authenticate themselves.
	public bool
	handle handler
}

var routes = []route{
	{opRoot, http.MethodGet, "npm.root", true, (*handlers).empty},
	{opPing, http.MethodGet, "npm.ping", true, (*handlers).empty},
	{opPackument, http.MethodGet, "npm.packument", false, (*handlers).packument},
	{opPackument, http.MethodPut, "npm.publish", false, (*handlers).put},
	{opVersion, http.MethodGet, "npm.version", false, (*handlers).version},
	{opTarball, http.MethodGet, "npm.tarball", false, (*handlers).tarball},
	{opRevision, http.MethodPut, "npm.change", false, (*handlers).putRevision},
	{opRevision, http.MethodDelete, "npm.unpublish", false, (*handlers).deletePackage},
	{opTarballRevision, http.MethodDelete, "npm.unpublish_tarball", false, (*handlers).deleteTarball},
	{opTags, http.MethodGet, "npm.tags", false, (*handlers).tags},
	{opTag, http.MethodPut, "npm.tag_set", false, (*handlers).setTag},
	{opTag, http.MethodPost, "npm.tag_set", false, (*handlers).setTag},
	{opTag, http.MethodDelete, "npm.tag_remove", false, (*handlers).removeTag},
	{opVisibility, http.MethodGet, "npm.visibility", false, (*handlers).visibility},
	{opCollaborators, http.MethodGet, "npm.collaborators", false, (*handlers).collaborators},
	{opAccess, http.MethodGet, "npm.access_status", false, (*handlers).accessStatus},
	{opAccess, http.MethodPost, "npm.access", false, (*handlers).access},
	{opStarred, http.MethodGet, "npm.starred", false, (*handlers).starred},
	{opWhoami, http.MethodGet, "npm.whoami", true, signedIn((*handlers).whoami)},
	{opUser, http.MethodGet, "npm.user", true, signedIn((*handlers).user)},
	{opUser, http.MethodPut, "npm.login", true, (*handlers).login},
	{opLogout, http.MethodDelete, "npm.logout", true, signedIn((*handlers).logout)},
	{opProfile, http.MethodGet, "npm.profile", true, signedIn((*handlers).profile)},
	{opProfile, http.MethodPost, "npm.profile_change", true, signedIn((*handlers).changeProfile)},
	{opTokens, http.MethodGet, "npm.tokens", true, signedIn((*handlers).tokens)},
	{opTokens, http.MethodPost, "npm.token_create", true, signedIn((*handlers).createToken)},
	{opToken, http.MethodDelete, "npm.token_revoke", true, signedIn((*handlers).revokeToken)},
	{opUnsupported, http.MethodGet, "npm.unsupported", true, (*handlers).unsupported},
	{opUnsupported, http.MethodPut, "npm.unsupported", true, (*handlers).unsupported},
	{opUnsupported, http.MethodPost, "npm.unsupported", true, (*handlers).unsupported},
	{opUnsupported, http.MethodDelete, "npm.unsupported", true, (*handlers).unsupported},
}

// opVar carries the parsed operation from the subrouter to its routes.
const opVar = "npm.op"

// Mount implements formats.Format. One parser distinguishes all routes: patterns can't tell /@scope/name from /name/1.0.0, nor
// an encoded slash from a plain one.
func (f *Format) Mount(root *mux.Router, site *formats.Site) {
	h := &handlers{site: site, tarballBytes: f.MaxTarballBytes}
	if h.tarballBytes == 0 {
		h.tarballBytes = defaultTarballBytes
	}
	tree := root.MatcherFunc(func(r *http.Request, m *mux.RouteMatch) bool {
		if m.Vars[opVar] != "" {
			return true // every route of the tree asks this again
		}
		path := r.URL.EscapedPath()
		if !below(path, "/npm") {
			return false
		}
		if hidden, ok := withoutSecret(r.URL.Path); ok {
			httpserver.LogPath(r.Context(), hidden)
		}
		t, ok := parsePath(path)
		if !ok {
			t.op = opUnknown
		}
		m.Vars = map[string]string{opVar: strconv.Itoa(int(t.op))}
		return true
	}).Subrouter()
	for _, rt := range routes {
		number := strconv.Itoa(int(rt.op))
		methods := []string{rt.method}
		if rt.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		// The operation is matched first: a mismatch of the method then means 405.
		tree.MatcherFunc(func(_ *http.Request, m *mux.RouteMatch) bool { return m.Vars[opVar] == number }).
			Methods(methods...).
			Handler(site.Handle(httpserver.Route{Format: formatName, Name: rt.name, Public: rt.public}, renderError, h.adapt(rt.handle)))
	}
	site.Fallback(root, tree, formatName, renderError)
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

// signedIn authenticates the caller of a route about accounts, who must be a user or a user's token. Unauthenticated.
func signedIn(fn handler) handler {
	return func(h *handlers, w http.ResponseWriter, r *http.Request, t target) error {
		r, err := h.site.Authenticate(r)
		if err != nil {
			return err
		}
		if access.From(r.Context()).UserID == 0 {
			return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "You are not logged in.")
		}
		return fn(h, w, r, t)
	}
}

// below matches a path prefix by whole segments, also with a doubled leading slash.
func below(path, prefix string) bool {
	path = "/" + strings.TrimLeft(path, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// named returns the package that a request is about.
func (t target) named() (registry.Name, error) {
	return registry.NewName(t.repository, formatName, t.name, "")
}

// base is the repository's address as this reader sees it, without a slash at the end.
func (h *handlers) base(r *http.Request, t target) string {
	return h.site.BaseURL(r) + "/npm/" + t.repository
}

// empty answers requests that only check that the server is there.
func (*handlers) empty(w http.ResponseWriter, _ *http.Request, _ target) error {
	return httpserver.JSON(w, http.StatusOK, struct{}{})
}

// unsupported answers 404 with a sentence: npm then continues without the feature, or shows the sentence.
func (*handlers) unsupported(_ http.ResponseWriter, _ *http.Request, t target) error {
	return registry.Errorf(registry.NotFound, registry.AboutRequest, "%s", t.feature)
}
