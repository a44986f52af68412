package pypi

import (
	"net/http"
	"strings"

	"slipway/formats"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

const (
	maxYankBytes = 64 << 10
	byAPI        = "deleted through the PyPI API"
)

// yank answers PUT /pypi/<repository>/api/<name>/<version>/yank with {"reason":"…"} or nothing (PEP 592): installers take the version only
// where it is pinned, and show the reason. 204.
func (h *handlers) yank(w http.ResponseWriter, r *http.Request, t target) error {
	var body struct {
		Reason string `json:"reason"`
	}
	if r.ContentLength != 0 {
		if err := httpserver.DecodeJSON(r, maxYankBytes, &body); err != nil {
			return err
		}
	}
	return h.edit(w, r, t, access.Publish, func(e *publish.Edit, v registry.Version) error {
		return e.SetState(v.Name, registry.Yanked, strings.Join(strings.Fields(body.Reason), " "))
	})
}

// unyank answers DELETE /pypi/<repository>/api/<name>/<version>/yank. 204, also when the version was not yanked.
func (h *handlers) unyank(w http.ResponseWriter, r *http.Request, t target) error {
	return h.edit(w, r, t, access.Publish, func(e *publish.Edit, v registry.Version) error {
		state, reason := registry.Published, ""
		if v.State != registry.Yanked {
			state, reason = v.State, v.Reason // changes nothing, but checks the right
		}
		return e.SetState(v.Name, state, reason)
	})
}

// deleteVersion answers DELETE /pypi/<repository>/api/<name>/<version>. 204; the version and its file names stay taken.
func (h *handlers) deleteVersion(w http.ResponseWriter, r *http.Request, t target) error {
	return h.edit(w, r, t, access.Delete, func(e *publish.Edit, v registry.Version) error { return e.Delete(v.Name, byAPI) })
}

// deleteFile answers DELETE /pypi/<repository>/api/<name>/<version>/<filename>: a wheel is deleted with its metadata, and a
// version with its last file. 204.
func (h *handlers) deleteFile(w http.ResponseWriter, r *http.Request, t target) error {
	if strings.HasSuffix(t.file, metadataSuffix) {
		return invalid(registry.AboutFile, "the core metadata goes with its wheel only")
	}
	return h.edit(w, r, t, access.Delete, func(e *publish.Edit, v registry.Version) error {
		n, err := e.RemoveFiles(v.Name, byAPI, t.file, t.file+metadataSuffix)
		if err == nil && n == 0 {
			err = registry.Errorf(registry.NotFound, registry.AboutFile, "there is no file %q in %s %s", formats.Clip(t.file), t.name, v.Name)
		}
		return err
	})
}

// edit runs a change of one version, which the path may name in any spelling.
func (h *handlers) edit(w http.ResponseWriter, r *http.Request, t target, right access.Action, fn func(e *publish.Edit, v registry.Version) error) error {
	name, err := t.named()
	if err != nil {
		return err
	}
	want, err := parseVersion(t.version)
	if err != nil {
		return registry.Errorf(registry.NotFound, registry.AboutVersion, "there is no version %q of %q", formats.Clip(t.version), name.Package)
	}
	err = h.site.Parts.Publisher.Edit(r.Context(), name, publish.Rights{right}, func(e *publish.Edit) error {
		v, err := e.CanonicalVersion(want.String())
		if err != nil {
			return err
		}
		return fn(e, v)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
