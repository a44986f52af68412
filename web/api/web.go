package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"slipway/api"
	"slipway/formats"
	"slipway/registry"
	"slipway/web/internal/wire"
)

// Prefix is where the API lives.
const Prefix = api.Prefix

const (
	defaultHeartbeat = 15 * time.Second
	// maxWaiting bounds the requests that wait for events at one time; each holds a connection and a goroutine. Those of callers
	// without credentials get half of the places at most.
	maxWaiting   = 2000
	maxStrangers = maxWaiting / 2
)

// Options of an API. The zero value is sensible.
type Options struct {
	// Heartbeat is how often an idle event stream shows that it lives; 0 is 15 s.
	Heartbeat time.Duration
}

// API is the front-end; it is mounted like a format.
type API struct {
	opts Options
}

// New makes an API.
func New(o Options) *API {
	if o.Heartbeat <= 0 {
		o.Heartbeat = defaultHeartbeat
	}
	return &API{opts: o}
}

// Name is the label of the API's requests in logs and metrics.
func (a *API) Name() string { return "api" }

// Mount adds the routes. root was made with UseEncodedPath and SkipClean.
func (a *API) Mount(root *mux.Router, site *formats.Site) {
	h := &handlers{
		API: a, site: site, svc: site.Service, authenticate: site.Authenticate,
		waiting: make(chan struct{}, maxWaiting), strangers: make(chan struct{}, maxStrangers),
	}
	below := root.PathPrefix(Prefix).Subrouter()
	for _, rt := range h.routes() {
		methods := []string{rt.method}
		if rt.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		below.Handle(rt.path, h.handle(rt)).Methods(methods...)
	}
	site.Fallback(root, below, a.Name(), render)
}

// route is one operation.
type route struct {
	method string
	path   string
	name   string
	public bool // answers without credentials
	run    formats.Handler
}

// handlers are what the operations share.
type handlers struct {
	*API
	site *formats.Site
	svc  *registry.Service

	authenticate func(r *http.Request) (*http.Request, error) // of site

	waiting, strangers chan struct{} // the places that are taken
}

// routes is the whole API.
func (h *handlers) routes() []route {
	const (
		repo    = "/repositories/{repository}"
		pkg     = repo + "/packages/{format}/{package}"
		version = pkg + "/versions/{version}"
		tag     = pkg + "/tags/{tag}"
		env     = "/environments/{environment}"

		subscription = "/subscriptions/{id}"
		consumer     = "/consumers/{name}"
	)
	return []route{
		{method: "GET", path: "/repositories", name: "api.repositories.list", run: h.listRepositories},
		{method: "POST", path: "/repositories", name: "api.repositories.create", run: h.createRepository},
		{method: "GET", path: repo, name: "api.repositories.get", run: h.getRepository},
		{method: "PATCH", path: repo, name: "api.repositories.change", run: h.changeRepository},
		{method: "DELETE", path: repo, name: "api.repositories.delete", run: h.deleteRepository},

		{method: "GET", path: repo + "/packages", name: "api.packages.list", run: h.listPackages},
		{method: "GET", path: pkg + "/versions", name: "api.versions.list", run: h.listVersions},
		{method: "GET", path: version, name: "api.versions.get", run: h.getVersion},
		{method: "PATCH", path: version, name: "api.versions.change", run: h.changeVersion},
		{method: "DELETE", path: version, name: "api.versions.delete", run: h.deleteVersion},
		{method: "PUT", path: version + "/metadata", name: "api.versions.annotate", run: h.putMetadata},
		{method: "GET", path: version + "/files/{path:.+}", name: "api.versions.file", run: h.getFile},

		{method: "GET", path: pkg + "/tags", name: "api.tags.list", run: h.listTags},
		{method: "GET", path: tag, name: "api.tags.get", run: h.getTag},
		{method: "PUT", path: tag, name: "api.tags.set", run: h.setTag},
		{method: "DELETE", path: tag, name: "api.tags.remove", run: h.removeTag},
		{method: "GET", path: tag + "/history", name: "api.tags.history", run: h.tagHistory},

		{method: "GET", path: "/versions", name: "api.versions.search", run: h.search},

		{method: "GET", path: "/environments", name: "api.environments.list", run: h.listEnvironments},
		{method: "POST", path: "/environments", name: "api.environments.create", run: h.createEnvironment},
		{method: "GET", path: env, name: "api.environments.get", run: h.getEnvironment},
		{method: "PATCH", path: env, name: "api.environments.change", run: h.changeEnvironment},
		{method: "DELETE", path: env, name: "api.environments.delete", run: h.deleteEnvironment},
		{method: "GET", path: env + "/history", name: "api.environments.history", run: h.environmentHistory},
		{method: "DELETE", path: env + "/services/{service}", name: "api.environments.stop", run: h.stopService},
		{method: "GET", path: "/deployments", name: "api.deployments.list", run: h.listDeployments},
		{method: "POST", path: "/deployments", name: "api.deployments.report", run: h.reportDeployment},
		{method: "GET", path: "/deployments/{id}", name: "api.deployments.get", run: h.getDeployment},
		{method: "PATCH", path: "/deployments/{id}", name: "api.deployments.change", run: h.changeDeployment},

		{method: "GET", path: "/publishes/{id}", name: "api.publishes.get", run: h.getPublish},
		{method: "DELETE", path: "/publishes/{id}", name: "api.publishes.drop", run: h.dropPublish},
		{method: "POST", path: "/publishes/{id}/commit", name: "api.publishes.commit", run: h.commitPublish},

		{method: "GET", path: "/tokens", name: "api.tokens.list", run: h.listTokens},
		{method: "POST", path: "/tokens", name: "api.tokens.create", run: h.createToken},
		{method: "DELETE", path: "/tokens/{id}", name: "api.tokens.revoke", run: h.revokeToken},
		{method: "GET", path: "/users", name: "api.users.list", run: h.listUsers},
		{method: "POST", path: "/users", name: "api.users.create", run: h.createUser},
		{method: "PATCH", path: "/users/{name}", name: "api.users.change", run: h.changeUser},
		{method: "GET", path: "/whoami", name: "api.whoami", run: h.whoami},

		{method: "GET", path: "/events", name: "api.events", run: h.events},
		{method: "GET", path: "/consumers", name: "api.consumers.list", run: h.listConsumers},
		{method: "GET", path: consumer, name: "api.consumers.get", run: h.getConsumer},
		{method: "PUT", path: consumer, name: "api.consumers.put", run: h.putConsumer},
		{method: "DELETE", path: consumer, name: "api.consumers.delete", run: h.deleteConsumer},
		{method: "GET", path: "/subscriptions", name: "api.subscriptions.list", run: h.listSubscriptions},
		{method: "POST", path: "/subscriptions", name: "api.subscriptions.create", run: h.createSubscription},
		{method: "GET", path: subscription, name: "api.subscriptions.get", run: h.getSubscription},
		{method: "PATCH", path: subscription, name: "api.subscriptions.change", run: h.changeSubscription},
		{method: "DELETE", path: subscription, name: "api.subscriptions.delete", run: h.deleteSubscription},
		{method: "POST", path: subscription + "/ping", name: "api.subscriptions.ping", run: h.pingSubscription},
		{method: "POST", path: subscription + "/redeliver", name: "api.subscriptions.replay", run: h.replaySubscription},
		{method: "GET", path: subscription + "/deliveries", name: "api.deliveries.list", run: h.listDeliveries},
		{method: "GET", path: "/deliveries/{id}", name: "api.deliveries.get", run: h.getDelivery},
		{method: "POST", path: "/deliveries/{id}/redeliver", name: "api.deliveries.redeliver", run: h.redeliver},
		{method: "GET", path: "/log/checkpoint", name: "api.log.checkpoint", run: h.checkpoint},
		{method: "GET", path: "/log/tile/{tile:.+}", name: "api.log.tile", run: h.tile},
		{method: "GET", path: "/log/proof", name: "api.log.proof", run: h.proof},
		{method: "GET", path: "/log/key", name: "api.log.key", run: h.logKey, public: true},

		{method: "POST", path: "/gc", name: "api.gc", run: h.collect},
		{method: "GET", path: "/openapi.json", name: "api.openapi", run: h.openapi, public: true},
	}
}

// handle wraps an operation.
func (h *handlers) handle(rt route) http.Handler {
	return h.site.Handle(formats.Route{Format: h.Name(), Name: rt.name, Public: rt.public}, render,
		func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Cache-Control", "no-store")
			if err := checkQuery(rt, r); err != nil {
				return err
			}
			return rt.run(w, r)
		})
}

// checkQuery refuses a parameter that an operation which changes something does not have: POST /gc?dry_run=true must not
// remove blobs because dry_run belongs into the body. Operations that only read ignore such parameters. Invalid.
func checkQuery(rt route, r *http.Request) error {
	if rt.method == http.MethodGet || r.URL.RawQuery == "" {
		return nil
	}
	query, err := wire.ParseQuery(r)
	if err != nil {
		return err
	}
	for name := range query {
		if !slices.ContainsFunc(operations[rt.name].query, func(p param) bool { return p.name == name }) {
			return wire.Invalid("there is no parameter %.40q here", name)
		}
	}
	return nil
}

var _ formats.Mounter = (*API)(nil)
