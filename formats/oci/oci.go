package oci

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/upstreams"
)

const name = "oci"

type format struct{}

// New returns the format.
func New() formats.Format { return format{} }

func (format) Name() string { return name }

// Rules: an image's name must match the grammar of the specification, and has one spelling.
func (format) Rules() registry.Rules {
	return registry.Rules{
		PURLType: "oci", PackagePURL: packagePURL, Images: true, FromPURL: fromPURL, MovePURL: movePURL, States: []registry.State{registry.Deprecated},
		Normalize: func(image string) (string, error) { return image, checkImage(image) }, Settings: []registry.Setting{sparse.Setting},
		AttachmentTag: isAttachment, Attached: attached, AttachedTags: attachedTags, Describe: describeVersion, Family: family,
		KeepParts: func(r registry.Repository) bool { return sparse.In(r) == sparseRefuse },
	}
}

// family is registry.Rules.Family: the first folder.
func family(image string) string {
	folder, _, in := strings.Cut(image, "/")
	if !in {
		return ""
	}
	return folder + "/**"
}

type handlers struct {
	site *formats.Site
	svc  *formats.Parts
	now  func() time.Time
	key  func() ([]byte, error) // signs session tokens
}

func newHandlers(site *formats.Site) *handlers {
	return &handlers{site: site, svc: site.Parts, now: time.Now, key: sync.OnceValues(func() ([]byte, error) {
		return site.Parts.Core.DeriveKey("oci session token")
	})}
}

// Mount adds the routes. Names may contain every keyword of the paths ("main/blobs/uploads"), so paths are matched from their
// end, and the name takes as much as it can.
func (format) Mount(root *mux.Router, site *formats.Site) { newHandlers(site).mount(root) }

func (h *handlers) mount(root *mux.Router) {
	router := root.PathPrefix("/v2/").Subrouter()
	on := func(rt string, need action, path string, fn httpserver.Handler, methods ...string) {
		route := httpserver.Route{Format: name, Name: name + "." + rt, Public: need == public || need == listAll}
		if need == pull {
			fn = inNamespace(fn)
		}
		router.Handle(path, h.site.HandleAs(route, h.authenticator(need), h.renderer(need), fn)).Methods(methods...)
	}
	get := []string{http.MethodGet, http.MethodHead}
	const image = "/{name:.+}"
	on("ping", public, "/", h.ping, get...)
	on("catalog", listAll, "/_catalog", h.catalog, get...)
	on("upload_start", push, image+"/blobs/uploads{slash:/?}", h.startUpload, http.MethodPost)
	on("upload_status", push, image+"/blobs/uploads/{upload:[^/]+}", h.uploadStatus, get...)
	on("upload_append", push, image+"/blobs/uploads/{upload:[^/]+}", h.appendUpload, http.MethodPatch)
	on("upload_finish", push, image+"/blobs/uploads/{upload:[^/]+}", h.finishUpload, http.MethodPut)
	on("upload_cancel", push, image+"/blobs/uploads/{upload:[^/]+}", h.cancelUpload, http.MethodDelete)
	on("blob", pull, image+"/blobs/{digest:[^/]+}", h.getBlob, get...)
	on("blob_delete", remove, image+"/blobs/{digest:[^/]+}", h.deleteBlob, http.MethodDelete)
	on("manifest", pull, image+"/manifests/{reference:[^/]+}", h.getManifest, get...)
	on("manifest_put", push, image+"/manifests/{reference:[^/]+}", h.putManifest, http.MethodPut)
	on("manifest_delete", remove, image+"/manifests/{reference:[^/]+}", h.deleteManifest, http.MethodDelete)
	on("tags", pull, image+"/tags/list", h.listTags, get...)
	on("referrers", pull, image+"/referrers/{digest:[^/]+}", h.referrers, get...)
	h.site.Fallback(root, router, name, h.renderer(public))

	alone := func(rt, path string, need action, fn httpserver.Handler, methods ...string) {
		route := httpserver.Route{Format: name, Name: name + "." + rt, Public: true}
		root.Handle(path, h.site.Handle(route, h.renderer(need), fn)).Methods(methods...)
	}
	alone("ping", "/v2", public, h.ping, get...)
	alone("token", tokenPath, login, h.token, http.MethodGet)
	alone("token_form", tokenPath, login, h.tokenForm, http.MethodPost)
}

// inNamespace lets a client of a mirror say which registry it wants an image of (containerd's "?ns="), and tells it which one that was.
func inNamespace(fn httpserver.Handler) httpserver.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if ns := r.URL.Query().Get("ns"); ns != "" {
			r = r.WithContext(upstreams.WithNamespace(r.Context(), ns, func() { w.Header().Set("OCI-Namespace", ns) }))
		}
		return fn(w, r)
	}
}
