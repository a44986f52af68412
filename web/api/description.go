package api

import (
	"context"
	"io"
	"net/http"
	"slices"

	"slipway/api"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/catalog"
)

var descriptionExample = api.Description{
	Summary: "The shop.", License: "MIT",
	Dependencies: []api.Dependency{{Name: "left-pad", Requirement: "^1.3.0"}, {Name: "mocha", Requirement: "^10", Scope: "development"}},
	Scripts:      []api.Script{{Name: "postinstall", Command: "node build.js", Installs: true}},
}

// getDescription answers GET …/versions/{version}/description?as_of=. The format reads it.
func (h *handlers) getDescription(w http.ResponseWriter, r *http.Request) error {
	in := h.parse(r)
	at, when := in.coordinate(), in.asOf()
	if in.err != nil {
		return in.err
	}
	d, err := h.detail(r.Context(), at, when)
	if err != nil {
		return err
	}
	if d.Version.State == registry.Deleted {
		return registry.Errorf(registry.NotFound, registry.AboutVersion, "version %q of %q was deleted", registry.Clip(at.Version), d.Package.Name)
	}
	describe := h.svc.Core.Rules[at.Format].Describe
	if describe == nil {
		return httpserver.JSON(w, http.StatusOK, api.Description{})
	}
	out, err := describe(r.Context(), registry.Describing{Package: d.Package, Version: d.Version, Files: d.Files, Facts: d.Facts, Here: here{h, at, then(d.Files, when)}})
	if err != nil {
		return err
	}
	out.Bound()
	return httpserver.JSON(w, http.StatusOK, descriptionOf(out))
}

// detail is a version with everything that is known of it, now or then. Of an image it is what is here: nothing lists the others.
func (h *handlers) detail(ctx context.Context, at registry.Coordinate, when registry.AsOf) (catalog.VersionDetail, error) {
	switch {
	case !when.IsNow():
		return h.svc.History.VersionDetailAt(ctx, at, when)
	case h.svc.Core.Rules[at.Format].Images:
		return h.svc.Everything.DetailHere(ctx, at)
	}
	return h.svc.Everything.VersionDetail(ctx, at)
}

// maxDescribedBytes is what formats keep in memory at most of a file that they describe; longer ones, as archives are, they read as a stream.
const maxDescribedBytes = 1 << 20

// here is the registry.Here of a version.
type here struct {
	h     *handlers
	at    registry.Coordinate
	files []registry.File // that it had at the past moment that is described; nil: it is described as it is now
}

// then are the files of a version at a past moment; nil: when is now.
func then(files []registry.File, when registry.AsOf) []registry.File {
	if when.IsNow() {
		return nil
	}
	return files
}

// Open implements registry.Here.
func (s here) Open(ctx context.Context, version, path string, limit int64) (io.ReadCloser, error) {
	f, err := s.h.svc.Reader.FileHere(ctx, s.at.Name.At(version), path)
	if version == s.at.Version && slices.ContainsFunc(s.files, func(was registry.File) bool { return was.Path == path && was.Blob.Digest != f.Blob.Digest }) {
		return nil, nil //nolint:nilnil // other bytes have taken its place
	}
	if e := registry.AsError(err); err != nil && (e.Kind == registry.NotFound || e.Kind == registry.Blocked) {
		return nil, nil //nolint:nilnil // it is not here, which is no error
	}
	if err != nil || f.Blob.ID == 0 {
		return nil, err
	}
	limit = min(limit, f.Blob.Size)
	if err := httpserver.Hold(ctx, min(limit, maxDescribedBytes)); err != nil {
		return nil, err
	}
	return s.h.svc.Reader.Open(ctx, f, 0, limit)
}

// Has implements registry.Here.
func (s here) Has(ctx context.Context, version string) (bool, error) {
	_, err := s.h.svc.Everything.ResolveHere(ctx, s.at.Name, catalog.Ref{Version: version})
	if err != nil && registry.KindOf(err) == registry.NotFound {
		return false, nil
	}
	return err == nil, err
}

// each converts the items of a list; nil stays nil.
func each[From, To any](list []From, convert func(From) To) []To {
	var out []To
	for _, item := range list {
		out = append(out, convert(item))
	}
	return out
}

func propertyOf(p registry.Property) api.Property { return api.Property(p) }

func descriptionOf(d registry.Description) api.Description {
	out := api.Description{
		Summary: d.Summary, License: d.License, Classifiers: d.Classifiers, Cut: d.Cut,
		Properties: each(d.Properties, propertyOf), Commands: each(d.Commands, propertyOf),
		Dependencies: each(d.Dependencies, func(d registry.Dependency) api.Dependency { return api.Dependency(d) }),
		Scripts:      each(d.Scripts, func(s registry.Script) api.Script { return api.Script(s) }),
		Variants:     each(d.Variants, func(v registry.Variant) api.Variant { return api.Variant(v) }),
		Parts:        each(d.Parts, func(p registry.Part) api.Part { return api.Part(p) }),
	}
	if m := d.Image; m != nil {
		out.Image = &api.Image{
			Platform: m.Platform, ArtifactType: m.ArtifactType, Created: m.Created, Author: m.Author, Unread: m.Unread, Entrypoint: m.Entrypoint, Command: m.Command,
			User: m.User, WorkingDir: m.WorkingDir, Ports: m.Ports, Volumes: m.Volumes, StopSignal: m.StopSignal,
			Environment: each(m.Environment, func(v registry.Variable) api.Variable { return api.Variable(v) }),
			Labels:      each(m.Labels, propertyOf), Annotations: each(m.Annotations, propertyOf),
			Steps: each(m.Steps, func(s registry.Step) api.Step { return api.Step(s) }),
		}
		if m.Base != (registry.Base{}) {
			out.Image.Base = &api.Base{Name: m.Base.Name, Digest: m.Base.Digest}
		}
	}
	return out
}
