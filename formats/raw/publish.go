package raw

import (
	"context"
	"encoding/json"
	"net/http"

	"slipway/formats"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/publish"
	"slipway/registry/staging"
)

// stage stores a file for its publish: 201, and the file is not visible yet. A file at the same path is replaced.
func (h *handlers) stage(w http.ResponseWriter, r *http.Request, req putRequest) error {
	key, err := staging.PublishKey(req.at.Repository, req.publish)
	if err != nil {
		return err
	}
	if alg, of, ok := sidecar(req.path); ok {
		base, err := h.staged(r.Context(), key, req.at, of)
		if err == nil {
			if done, err := h.compare(w, r, &req, alg, base); done || err != nil {
				return err
			}
		} else if registry.KindOf(err) != registry.NotFound {
			return err
		}
	}
	note, err := req.cond.note()
	if err != nil {
		return err
	}
	staged, err := h.svc.Staging.Add(r.Context(), key, staging.File{Attributes: note,
		At: req.at, File: content.StageFile{Path: req.path, MediaType: req.mediaType, Want: req.want}}, req.body)
	if err != nil {
		return err
	}
	w.Header().Set(formats.VisibleHeader, formats.VisibleOnCommit)
	return h.stored(w, r, req, staged, http.StatusCreated)
}

// staged finds a file of a publish. NotFound.
func (h *handlers) staged(ctx context.Context, key staging.Key, at registry.Coordinate, path string) (registry.File, error) {
	_, files, err := h.svc.Staging.Find(ctx, key)
	if err != nil {
		return registry.File{}, err
	}
	for _, f := range files {
		if f.Format == name && f.Package == at.Package && f.Version == at.Version && f.Path == path {
			return registry.File{Path: path, Blob: f.Blob}, nil
		}
	}
	return registry.File{}, registry.Errorf(registry.NotFound, registry.AboutFile, "no %q is staged", formats.Clip(path))
}

// Settle implements staging.Assembler: a publish waits for its commit.
func (format) Settle(context.Context, staging.Opener, []registry.StagedFile) (staging.Wait, error) {
	return staging.Wait{After: staging.Never, For: "its commit"}, nil
}

// PURL implements staging.Assembler.
func (format) PURL(at registry.Coordinate) string { return purl(at) }

// Assemble implements staging.Assembler. The condition of each file must still hold at the commit.
func (format) Assemble(_ context.Context, a staging.Assembly) (publish.Release, error) {
	rel := release(a.At, redeploy.In(a.Repository))
	conditions := map[string]condition{}
	for _, f := range a.Files {
		if len(f.Attributes) == 0 {
			continue
		}
		var c condition
		if err := json.Unmarshal(f.Attributes, &c); err != nil {
			return rel, err
		}
		conditions[f.Path] = c
	}
	rel.If = func(have publish.Existing) error {
		for path, c := range conditions {
			if _, err := c.hold(have, path); err != nil {
				return err
			}
		}
		return nil
	}
	return rel, nil
}
