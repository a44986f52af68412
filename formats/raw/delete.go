package raw

import (
	"context"
	"net/http"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/publish"
)

// delete removes a file, or with ?recursive=true everything below a path that ends in a slash: a folder of a version, or the
// version. DELETE: 204; 404 when there is nothing. The paths stay taken: no other bytes can be stored there, unless the
// repository allows it.
func (h *handlers) delete(w http.ResponseWriter, r *http.Request) error {
	loc, err := written(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	switch {
	case loc.depth() < atVersion:
		return invalid("a file, a folder or a version can be deleted here: %s", layout)
	case !loc.dir && loc.depth() == atVersion:
		return invalid("to delete a whole version, end its path with a slash and add ?recursive=true")
	case loc.dir && r.URL.Query().Get("recursive") != "true":
		return invalid("to delete everything below this path, add ?recursive=true")
	}
	at, cond := loc.coordinate(), parseCondition(r.Header)
	if loc.dir && !cond.empty() {
		return registry.Errorf(registry.PreconditionFailed, registry.AboutFile, "only a file has an entity tag and a date that a condition can be about")
	}
	switch {
	case loc.depth() == atVersion:
		err = h.svc.Publisher.Delete(r.Context(), at, "")
	case loc.dir:
		err = h.removeTree(r.Context(), at, loc.path()+"/")
	default:
		err = h.svc.Publisher.Edit(r.Context(), at.Name, publish.Rights{access.Delete}, func(e *publish.Edit) error {
			return removeFile(e, at.Version, loc.path(), cond)
		})
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// removeFile takes a file out of a version if the condition holds; a caller who may not delete does not learn whether it
// holds.
func removeFile(e *publish.Edit, version, path string, cond condition) error {
	return e.RemoveFileIf(version, path, "", func(f registry.File) error { return cond.check(&f, path) })
}

// removeTree takes every file below dir, which ends in a slash, out of a version.
func (h *handlers) removeTree(ctx context.Context, at registry.Coordinate, dir string) error {
	n, err := h.svc.Publisher.RemoveFolder(ctx, at, dir, "")
	if err == nil && n == 0 {
		err = registry.Errorf(registry.NotFound, registry.AboutFile, "there is no folder %q in %s %s", formats.Clip(dir), at.Package, at.Version)
	}
	return err
}
