package upstreams

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// Look-ups of the API that front-ends don't need.

// FileHere is File without the remotes: a file that is not here is NotFound, whatever they have. What they have withdrawn is refused.
func (r *Reader) FileHere(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	f, err := r.s.look(ctx, at.Name)
	if err != nil {
		return registry.File{}, err
	}
	if err := r.s.recallOwners(ctx, &f); err != nil {
		return registry.File{}, err
	}
	have, in, err := r.s.fileHere(ctx, &f, at, path)
	if err == nil && in.pkg.Origin == metadata.OriginCached {
		err = r.s.withdrawn(ctx, f, at, path)
	}
	return have, err
}

// DetailHere is VersionDetail, of a version in any spelling, without the remotes: it has what is published and what came from them.
func (r *Reader) DetailHere(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error) {
	f, err := r.s.look(ctx, at.Name)
	if err != nil {
		return catalog.VersionDetail{}, err
	}
	if err := r.s.recallOwners(ctx, &f); err != nil {
		return catalog.VersionDetail{}, err
	}
	f.answering(r.s.core.Rules[at.Format], f.cached)
	for _, src := range f.exact() {
		c, err := r.s.local.CanonicalVersion(ctx, registry.Coordinate{Name: src.at(at.Name), Version: at.Version})
		if err != nil {
			return catalog.VersionDetail{}, err
		}
		if c.Version != at.Version {
			at.Version = c.Version
			break
		}
	}
	return r.s.detail(ctx, f, at)
}

// ResolveHere is Resolve of an image without the remotes: by its tag or digest, a version that is published or came from them. NotFound.
func (r *Reader) ResolveHere(ctx context.Context, at registry.Name, ref catalog.Ref) (registry.Version, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Resolve(ctx, at, ref)
	}
	f, err := r.s.look(ctx, at)
	if err != nil {
		return registry.Version{}, err
	}
	if err := r.s.recallOwners(ctx, &f); err != nil {
		return registry.Version{}, err
	}
	f.answering(r.s.core.Rules[at.Format], f.cached)
	return search(f.everywhere(), f.lacks(registry.AboutVersion, ref.Version+ref.Tag+ref.Digest.String()), func(src source) (registry.Version, error) {
		return r.s.resolveOwned(ctx, &f, src, ref)
	})
}

// ReferrersHere is Referrers without the remotes: those that are published or came from them.
func (r *Reader) ReferrersHere(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.Referrers(ctx, at, d, after, limit)
	}
	f, err := r.s.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := r.s.recallOwners(ctx, &f); err != nil {
		return nil, err
	}
	return r.s.referrersHere(ctx, f, d, after, registry.Bound(limit))
}

// CanonicalVersion is catalog.Catalog.CanonicalVersion over all places that the caller may see.
func (r *Reader) CanonicalVersion(ctx context.Context, at registry.Coordinate) (registry.Coordinate, error) {
	if r.s.core.Rules[at.Format].Spelling == nil || !r.composed(ctx, at.Repository) {
		return r.plain.CanonicalVersion(ctx, at)
	}
	f, err := r.s.find(ctx, at.Name)
	var known *registry.Error
	if errors.As(err, &known) && known.Kind != registry.Internal {
		return at, nil // the call that follows says so
	}
	if err != nil {
		return at, err
	}
	for _, src := range slices.Concat(f.visible, f.held) {
		c, err := r.s.local.CanonicalVersion(ctx, registry.Coordinate{Name: src.at(at.Name), Version: at.Version})
		if err != nil || c.Version != at.Version {
			return at.Name.At(c.Version), err
		}
	}
	return at, nil
}

// TagNow returns a tag as it is now: that of the first place that answers and has it. NotFound.
func (r *Reader) TagNow(ctx context.Context, at registry.Name, tag string) (registry.Tag, error) {
	if !r.composed(ctx, at.Repository) {
		return r.plain.TagAt(ctx, at, tag, registry.AsOf{})
	}
	return first(ctx, r.s, at, func(src source) (registry.Tag, error) { return r.s.local.TagAt(ctx, src.at(at), tag, registry.AsOf{}) })
}

// FindPackages is catalog.Catalog.FindPackages over all places that the caller may see.
func (r *Reader) FindPackages(ctx context.Context, repository, text string, q catalog.PackageQuery) ([]registry.Package, string, error) {
	if !r.composed(ctx, repository) {
		return r.plain.FindPackages(ctx, repository, text, q)
	}
	places, err := r.s.readable(ctx, repository, q.Format)
	if err != nil {
		return nil, "", err
	}
	u := union{repository: repository, byName: map[string]registry.Package{}}
	for _, p := range places {
		page, next, err := r.s.local.FindPackages(ctx, p.repository.Name, text, q)
		if err != nil {
			return nil, "", err
		}
		u.add(p, page, next)
	}
	out := u.sorted()
	next := u.until
	if limit := registry.Bound(q.Limit); len(out) > limit {
		out = out[:limit]
		next = cursor(out[limit-1])
	}
	return out, next, nil
}

// union gathers a page of the packages of several places, each name once, from the first place that has versions of it.
type union struct {
	repository string
	byName     map[string]registry.Package
	until      string // the last name up to which every place was read; "": all were read to their ends
}

// cursor is where the page after a package begins.
func cursor(p registry.Package) string { return p.Format + "/" + p.Key }

// add adds a page of one place; next is where its next page begins, "" at the end.
func (u *union) add(p place, page []registry.Package, next string) {
	for _, pkg := range page {
		known, ok := u.byName[cursor(pkg)]
		if better := !ok || known.VersionCount == 0 && pkg.VersionCount > 0; better && p.admits(registry.Name{Repository: u.repository, Format: pkg.Format, Package: pkg.Key}) {
			u.byName[cursor(pkg)] = pkg
		}
	}
	if next != "" && (u.until == "" || next < u.until) {
		u.until = next
	}
}

// sorted returns the packages up to the name up to which every place was read.
func (u *union) sorted() []registry.Package {
	var out []registry.Package
	for key, pkg := range u.byName {
		if u.until == "" || key <= u.until {
			out = append(out, pkg)
		}
	}
	slices.SortFunc(out, func(a, b registry.Package) int {
		return cmp.Or(strings.Compare(a.Format, b.Format), strings.Compare(a.Key, b.Key))
	})
	return out
}
