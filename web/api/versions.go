package api

import (
	"net/http"

	"slipway/formats"
	"slipway/registry"
)

// listPackages answers GET /repositories/{repository}/packages?format=&q=: q is a literal part of the name, and then a page
// may be short although there is a next one.
func (h *handlers) listPackages(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	repository, page := in.segment("repository"), in.page()
	pq := registry.PackageQuery{Format: in.text("format")}
	part := in.text("q")
	if in.err != nil {
		return in.err
	}
	if part != "" {
		pq.After, pq.Limit = page.After, page.Limit
		found, next, err := h.svc.FindPackages(r.Context(), repository, part, pq)
		if err != nil {
			return err
		}
		out := list[packageJSON]{Items: make([]packageJSON, len(found)), Next: next}
		for i, p := range found {
			out.Items[i] = packageOf(p)
		}
		return formats.JSON(w, http.StatusOK, out)
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Package, error) {
		pq.After, pq.Limit = p.After, p.Limit
		return h.svc.Packages(r.Context(), repository, pq)
	}, func(p registry.Package) string { return p.Format + "/" + p.Key }, packageOf)
}

// listVersions answers GET …/versions, newest first; with ?deleted=true tombstones too.
func (h *handlers) listVersions(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, page, deleted := in.name(), in.page(), in.flag("deleted")
	if in.err != nil {
		return in.err
	}
	pkg, err := h.svc.Package(r.Context(), at)
	if err != nil {
		return err
	}
	return writeList(w, page, func(p registry.Page) ([]registry.Version, error) {
		return h.svc.Versions(r.Context(), at, registry.VersionQuery{After: p.After, Limit: p.Limit, Deleted: deleted})
	}, func(v registry.Version) string { return v.Name },
		func(v registry.Version) versionJSON { return versionOf(pkg, v) })
}

// getVersion answers GET …/versions/{version} with everything known; a deleted one shows as its tombstone.
func (h *handlers) getVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	if in.err != nil {
		return in.err
	}
	d, err := h.svc.Detail(r.Context(), at)
	return writeOne(w, http.StatusOK, d, err, detailOf)
}

// versionChange is the body of PATCH of a version.
type versionChange struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// changeVersion answers PATCH …/versions/{version} {"state","reason"}: 200 with the version. Which states beside published
// there are is the format's: a yanked version is not chosen unless it is asked for, a deprecated one comes with a warning.
func (h *handlers) changeVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	var body versionChange
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	pkg, v, err := h.svc.SetState(r.Context(), at, registry.State(body.State), body.Reason)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, versionOf(pkg, v))
}

// deleteVersion answers DELETE …/versions/{version}?reason=: 204; a tombstone stays.
func (h *handlers) deleteVersion(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, reason := in.coordinate(), in.text("reason")
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Delete(r.Context(), at, reason))
}

// metadataBody is declared release metadata.
type metadataBody struct {
	Source *registry.Source  `json:"source"`
	Build  *registry.Build   `json:"build"`
	Custom map[string]string `json:"custom"`
}

// putMetadata answers PUT …/versions/{version}/metadata: 204. It adds facts; what was declared before stays in the
// version's facts.
func (h *handlers) putMetadata(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at := in.coordinate()
	var body metadataBody
	in.body(&body)
	if in.err != nil {
		return in.err
	}
	return writeNothing(w, h.svc.Declare(r.Context(), at, registry.Declared(body)))
}
