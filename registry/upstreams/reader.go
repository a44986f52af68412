package upstreams

import (
	"context"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// Reader is the catalog.Reader of all repositories: one without upstreams is read as it is, another with what its upstreams have.
type Reader struct {
	s     *Upstreams
	plain *catalog.Catalog // for repositories without upstreams
}

var _ catalog.Reader = (*Reader)(nil)

// composed reports whether a repository has upstreams. An absent one has none, so that the catalog answers for it.
func (r *Reader) composed(ctx context.Context, repository string) bool {
	row, err := r.s.core.RepositoryRow(ctx, repository)
	return err == nil && row.Upstreams > 0
}

// Package implements catalog.Reader.
func (r *Reader) Package(ctx context.Context, at registry.Name) (registry.Package, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Package(ctx, at)
	}
	f, err := r.s.find(ctx, at)
	if err != nil {
		return registry.Package{}, err
	}
	return f.pkg()
}

// PackageOrGroup implements catalog.Reader.
func (r *Reader) PackageOrGroup(ctx context.Context, at registry.Name, prefix string) (registry.Package, bool, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.PackageOrGroup(ctx, at, prefix)
	}
	f, err := r.s.find(ctx, at)
	if err != nil {
		return registry.Package{}, false, err
	}
	p, err := f.pkg()
	if registry.KindOf(err) == registry.NotFound && err != nil {
		err = nil
		p = registry.Package{ID: f.id, Revision: f.stamp}
	}
	if err != nil {
		return p, false, err
	}
	places, err := r.s.readable(ctx, at.Repository, at.Format)
	for _, place := range places {
		if place.remote != nil {
			continue
		}
		at.Repository = place.repository.Name
		_, more, err := r.s.local.PackageOrGroup(ctx, at, prefix)
		if err != nil || more {
			registry.CacheUseOf(ctx).MadeOf(false)
			return p, more, err
		}
	}
	return p, false, err
}

// Packages implements catalog.Reader: the packages of all places together, each name once, from the first place that has versions of it.
func (r *Reader) Packages(ctx context.Context, repository string, q catalog.PackageQuery) ([]registry.Package, error) {
	if !r.composed(ctx, repository) {
		return r.plain.Packages(ctx, repository, q)
	}
	places, err := r.s.readable(ctx, repository, q.Format)
	if err != nil {
		return nil, err
	}
	limit := registry.Bound(q.Limit)
	var out []registry.Package
	for { // a page whose names are all left out is not the end
		u := union{repository: repository, byName: map[string]registry.Package{}}
		for _, p := range places {
			if p.remote != nil {
				continue // only what is here is listed
			}
			page, err := r.s.local.Packages(ctx, p.repository.Name, q)
			if err != nil {
				return nil, err
			}
			next := ""
			if len(page) == limit {
				next = cursor(page[limit-1])
			}
			u.add(p, page, next)
		}
		out = append(out, u.sorted()...)
		if q.After = u.until; q.After == "" || len(out) >= limit {
			break
		}
	}
	return out[:min(len(out), limit)], nil
}

// PackageListing implements catalog.Reader.
func (r *Reader) PackageListing(ctx context.Context, at registry.Name, files bool) (catalog.PackageListing, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.PackageListing(ctx, at, files)
	}
	f, err := r.s.find(ctx, at)
	if err != nil {
		return catalog.PackageListing{}, err
	}
	return r.s.listing(ctx, f, files)
}

// Versions implements catalog.Reader.
func (r *Reader) Versions(ctx context.Context, at registry.Name, q catalog.VersionQuery) ([]registry.Version, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Versions(ctx, at, q)
	}
	f, err := r.s.find(ctx, at)
	if err != nil {
		return nil, err
	}
	return r.s.versions(ctx, f, q)
}

// Resolve implements catalog.Reader. A digest may be found in any place that the caller may read: equal bytes are the same version.
func (r *Reader) Resolve(ctx context.Context, at registry.Name, ref catalog.Ref) (registry.Version, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Resolve(ctx, at, ref)
	}
	if r.s.core.Rules[at.Format].Images {
		return r.s.image(ctx, at, ref)
	}
	look := func(s source) (registry.Version, error) { return r.s.resolve(ctx, s, at, ref) }
	if ref.Version == "" && ref.Tag == "" {
		return pinned(ctx, r.s, at, look)
	}
	if ref.Version != "" {
		return exactly(ctx, r.s, at, look)
	}
	return first(ctx, r.s, at, look)
}

// VersionDetail implements catalog.Reader.
func (r *Reader) VersionDetail(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.VersionDetail(ctx, at)
	}
	f, err := r.s.find(ctx, at.Name)
	if err != nil {
		return catalog.VersionDetail{}, err
	}
	return r.s.detail(ctx, f, at)
}

// File implements catalog.Reader.
func (r *Reader) File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.File(ctx, at, path)
	}
	return r.s.file(ctx, at, path)
}

// Blob implements catalog.Reader.
func (r *Reader) Blob(ctx context.Context, at registry.Name, d digest.Digest) (registry.File, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Blob(ctx, at, d)
	}
	return r.s.blob(ctx, at, d)
}

// Folder implements catalog.Reader: the folder of the first place that has the version.
func (r *Reader) Folder(ctx context.Context, at registry.Coordinate, q catalog.FolderQuery) ([]catalog.FolderEntry, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Folder(ctx, at, q)
	}
	return exactly(ctx, r.s, at.Name, func(s source) ([]catalog.FolderEntry, error) {
		if s.index != nil {
			return nil, noVersion(at)
		}
		list, err := r.s.local.Folder(ctx, registry.Coordinate{Name: s.at(at.Name), Version: at.Version}, q)
		if isMissing(err, registry.AboutFile) {
			err = &final{err}
		}
		return list, err
	})
}

// Tags implements catalog.Reader.
func (r *Reader) Tags(ctx context.Context, at registry.Name) ([]registry.Tag, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Tags(ctx, at)
	}
	f, err := r.s.find(ctx, at)
	if err != nil {
		return nil, err
	}
	return r.s.tags(ctx, f, registry.Page{})
}

// TagPage implements catalog.Reader: the tags of all places that answer, each from the first that has it. Of an image they are also those
// that remotes list.
func (r *Reader) TagPage(ctx context.Context, at registry.Name, page registry.Page) ([]registry.Tag, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.TagPage(ctx, at, page)
	}
	if r.s.core.Rules[at.Format].Images {
		return r.s.imageTags(ctx, at, page)
	}
	f, err := r.s.find(ctx, at)
	if err != nil {
		return nil, err
	}
	return r.s.tags(ctx, f, page)
}

// TagHistory implements catalog.Reader: that of the first place that ever had the tag.
func (r *Reader) TagHistory(ctx context.Context, at registry.Name, tag string, page registry.Page) ([]registry.Tag, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.TagHistory(ctx, at, tag, page)
	}
	return first(ctx, r.s, at, func(s source) ([]registry.Tag, error) { return r.s.tagHistory(ctx, s, at, tag, page) })
}

// Referrers implements catalog.Reader: those of all places that the caller may read, as a digest is the same version everywhere, then those
// that remotes list.
func (r *Reader) Referrers(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Referrers(ctx, at, d, after, limit)
	}
	return r.s.referrers(ctx, at, d, after, limit)
}

// Open implements catalog.Bytes.
func (r *Reader) Open(ctx context.Context, f registry.File, offset, length int64) (io.ReadCloser, error) {
	return r.plain.Open(ctx, f, offset, length)
}

// Link implements catalog.Bytes.
func (r *Reader) Link(ctx context.Context, f registry.File, mediaType string) (string, error) {
	return r.plain.Link(ctx, f, mediaType)
}

// readable returns the places of a repository whose packages of a format the caller may see.
func (s *Upstreams) readable(ctx context.Context, repository, format string) ([]place, error) {
	actor, err := s.core.Authorize(ctx, access.Read, repository)
	if err != nil {
		return nil, err
	}
	r, err := s.core.RepositoryRow(ctx, repository)
	if err != nil {
		return nil, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(g.places(r)), func(p place) bool { return !p.visible(actor) || !p.speaks(format) }), nil
}
