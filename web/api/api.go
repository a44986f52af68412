package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry/instance"
	"slipway/web/internal/wire"
	"slipway/web/openapi"
)

// Prefix is where the API lives.
const Prefix = api.Prefix

const (
	defaultHeartbeat = 15 * time.Second
	// maxWaiting bounds the requests that wait for events at one time; each holds a connection and a goroutine. Callers
	// without credentials get at most half of them, and one user or one place without credentials a tenth.
	maxWaiting          = 2000
	maxWaitingOfOne     = maxWaiting / 10
	maxAnonymousWaiters = maxWaiting / 2
)

// Options of an API. The zero value is sensible.
type Options struct {
	// Heartbeat is how often an idle event stream sends a comment to show that it is alive; 0 is 15 s.
	Heartbeat time.Duration
	// Version and Commit are those of the program.
	Version, Commit string
	// Configuration has the settings that the server was started with.
	Configuration []api.ConfigurationSetting
	// LastBackup returns what the last backup did; false: none is known. nil: none ever is.
	LastBackup func() (api.MaintenanceRun, bool, error)
}

// API is the front-end; it is mounted like a format.
type API struct {
	opts    Options
	began   time.Time
	over    *instance.Instance
	mounted *handlers // by Mount
}

// New makes an API.
func New(o Options) *API {
	if o.Heartbeat <= 0 {
		o.Heartbeat = defaultHeartbeat
	}
	return &API{opts: o, began: time.Now()}
}

// Over sets the instance that the API serves; it is called before Mount.
func (a *API) Over(i *instance.Instance) { a.over = i }

// Name is the label of the API's requests in logs and metrics.
func (a *API) Name() string { return "api" }

// Mount adds the routes. root was made with UseEncodedPath and SkipClean.
func (a *API) Mount(root *mux.Router, server *httpserver.Server) {
	h := &handlers{
		API: a, server: server, svc: a.over, authenticate: server.Authenticate,
	}
	a.mounted = h
	below := root.PathPrefix(Prefix).Subrouter()
	for _, e := range h.endpoints() {
		below.Handle(e.path, h.handle(e)).Methods(e.methods()...)
	}
	server.Fallback(root, below, a.Name(), render)
}

// endpoint is one operation: its route, its handler, and its description in the OpenAPI document.
type endpoint struct {
	method string
	path   string
	name   string // of the route in logs and metrics
	run    httpserver.Handler
	openapi.Operation
}

// handlers has what the operations share.
type handlers struct {
	*API
	server *httpserver.Server
	svc    *instance.Instance

	authenticate func(r *http.Request) (*http.Request, error) // of server

	waiting waiters
}

// Paths that several resources are below.
const (
	repositoryPath   = "/repositories/{repository}"
	packagePath      = repositoryPath + "/packages/{format}/{package}"
	versionPath      = packagePath + "/versions/{version}"
	tagPath          = packagePath + "/tags/{tag}"
	environmentPath  = "/environments/{environment}"
	subscriptionPath = "/subscriptions/{id}"
	consumerPath     = "/consumers/{name}"
)

// endpoints is the whole API, in the order in which the router tries it.
func (h *handlers) endpoints() []endpoint {
	return slices.Concat(
		h.repositoryRoutes(), h.upstreamRoutes(), h.cacheRoutes(), h.mirrorRoutes(), h.claimRoutes(), h.ruleRoutes(), h.packageRoutes(), h.resolutionRoutes(), h.versionRoutes(), h.deletionRoutes(), h.dependentRoutes(), h.fileRoutes(), h.tagRoutes(), h.searchRoutes(),
		h.environmentRoutes(), h.deploymentRoutes(), h.publishRoutes(), h.tokenRoutes(), h.sessionRoutes(), h.userRoutes(), h.groupRoutes(), h.accessRoutes(),
		h.eventRoutes(), h.consumerRoutes(), h.subscriptionRoutes(), h.deliveryRoutes(), h.logRoutes(),
		h.storageRoutes(), h.serverRoutes(), h.collectionRoutes(), h.checkRoutes(), h.documentRoutes(),
	)
}

// handle wraps an operation.
func (h *handlers) handle(e endpoint) http.Handler {
	return h.server.Handle(httpserver.Route{Format: h.Name(), Name: e.name, Public: e.Public}, render, e.answer)
}

// methods are those of the operation's route.
func (e endpoint) methods() []string {
	if e.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{e.method}
}

// answer runs the operation.
func (e endpoint) answer(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	if err := e.checkQuery(r); err != nil {
		return err
	}
	return e.run(w, r)
}

// checkQuery refuses unknown parameters of an operation that changes something: POST /gc?dry_run=true must not remove blobs,
// although dry_run belongs into the body. Operations that only read ignore such parameters. Invalid.
func (e endpoint) checkQuery(r *http.Request) error {
	if e.method == http.MethodGet || r.URL.RawQuery == "" {
		return nil
	}
	query, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	for name := range query {
		if !slices.ContainsFunc(e.Query, func(p openapi.Param) bool { return p.Name == name }) {
			return wire.Invalid("there is no parameter %.40q here", name)
		}
	}
	return nil
}

var _ httpserver.Mounter = (*API)(nil)
