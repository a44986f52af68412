package web

import (
	"net/http"

	"slipway/formats"
	"slipway/registry"
)

// listPackages answers GET /repositories/{repository}/packages?format=&q=: q is a literal part of the name.
func (h *handlers) listPackages(w http.ResponseWriter, r *http.Request) error {
	repository, err := segment(r, "repository")
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	page, err := q.page()
	if err != nil {
		return err
	}
	var pq registry.PackageQuery
	if pq.Format, err = q.text("format"); err != nil {
		return err
	}
	if pq.Contains, err = q.text("q"); err != nil {
		return err
	}
	out, err := listOf(page, func(p registry.Page) ([]registry.Package, error) {
		pq.After, pq.Limit = p.After, p.Limit
		return h.svc.Packages(r.Context(), repository, pq)
	}, func(p registry.Package) string { return p.Format + "/" + p.Key }, packageOf)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, out)
}

// listVersions answers GET …/versions, newest first; with ?deleted=true tombstones too.
func (h *handlers) listVersions(w http.ResponseWriter, r *http.Request) error {
	at, err := h.name(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	page, err := q.page()
	if err != nil {
		return err
	}
	deleted, err := q.flag("deleted")
	if err != nil {
		return err
	}
	pkg, err := h.svc.Package(r.Context(), at)
	if err != nil {
		return err
	}
	out, err := listOf(page, func(p registry.Page) ([]registry.Version, error) {
		return h.svc.Versions(r.Context(), at, registry.VersionQuery{After: p.After, Limit: p.Limit, Deleted: deleted})
	}, func(v registry.Version) string { return v.Name },
		func(v registry.Version) versionJSON { return versionOf(pkg, v) })
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, out)
}

// getVersion answers GET …/versions/{version} with everything known; a deleted one shows as its tombstone.
func (h *handlers) getVersion(w http.ResponseWriter, r *http.Request) error {
	at, err := h.coordinate(r)
	if err != nil {
		return err
	}
	d, err := h.svc.Detail(r.Context(), at)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, detailOf(d))
}

// versionChange is the body of PATCH of a version.
type versionChange struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// changeVersion answers PATCH …/versions/{version} {"state","reason"}: 200 with the version. Which states beside published
// there are is the format's: a yanked version is not chosen unless it is asked for, a deprecated one comes with a warning.
func (h *handlers) changeVersion(w http.ResponseWriter, r *http.Request) error {
	at, err := h.coordinate(r)
	if err != nil {
		return err
	}
	var body versionChange
	if err := decode(r, &body); err != nil {
		return err
	}
	pkg, v, err := h.svc.SetState(r.Context(), at, registry.State(body.State), body.Reason)
	if err != nil {
		return err
	}
	return formats.JSON(w, http.StatusOK, versionOf(pkg, v))
}

// deleteVersion answers DELETE …/versions/{version}?reason=: 204; a tombstone stays.
func (h *handlers) deleteVersion(w http.ResponseWriter, r *http.Request) error {
	at, err := h.coordinate(r)
	if err != nil {
		return err
	}
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	reason, err := q.text("reason")
	if err != nil {
		return err
	}
	if err := h.svc.Delete(r.Context(), at, reason); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
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
	at, err := h.coordinate(r)
	if err != nil {
		return err
	}
	var body metadataBody
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := h.svc.Declare(r.Context(), at, registry.Declared(body)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
