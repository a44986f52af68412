package upstreams

import (
	"context"
	"slices"
	"strings"

	"slipway/registry"
	"slipway/registry/catalog"
)

// The reads of one source: of rows by the catalog, of an index from memory.

func (s *Upstreams) listingOf(ctx context.Context, src source, name registry.Name, files bool) (catalog.PackageListing, error) {
	if src.index == nil {
		return s.local.PackageListing(ctx, src.at(name), files)
	}
	c := src.index.listing
	c.Versions, c.Tags = slices.Clone(c.Versions), slices.Clone(c.Tags)
	return c, s.withoutDeleted(ctx, src.at(name), &c)
}

func (s *Upstreams) versionsOf(ctx context.Context, src source, name registry.Name, q catalog.VersionQuery) ([]registry.Version, error) {
	if src.index == nil {
		return s.local.Versions(ctx, src.at(name), q)
	}
	var out []registry.Version
	behind := q.After == ""
	for _, v := range slices.Backward(src.index.listing.Versions) {
		if behind && len(out) < registry.Bound(q.Limit) {
			v.Descriptor = nil
			out = append(out, v)
		}
		behind = behind || v.Name == q.After
	}
	return out, nil
}

func (s *Upstreams) detailOf(ctx context.Context, src source, at registry.Coordinate) (catalog.VersionDetail, error) {
	if src.index == nil {
		return s.local.VersionDetail(ctx, registry.Coordinate{Name: src.at(at.Name), Version: at.Version})
	}
	v, ok := src.index.versions[at.Version]
	if !ok {
		return catalog.VersionDetail{}, noVersion(at)
	}
	d := catalog.VersionDetail{Package: src.index.listing.Package, Version: *v, Files: src.index.listing.Files[v.ID]}
	for _, t := range src.index.listing.Tags {
		if t.VersionID == v.ID {
			d.Tags = append(d.Tags, t)
		}
	}
	d, err := s.withEntered(ctx, src, at, d)
	if err != nil {
		return d, err
	}
	return s.withBuilt(ctx, src, at, d)
}

// withEntered adds to what a remote says of a version what is known of it here, once a file of it entered.
func (s *Upstreams) withEntered(ctx context.Context, src source, at registry.Coordinate, d catalog.VersionDetail) (catalog.VersionDetail, error) {
	here, err := s.local.VersionDetail(ctx, registry.Coordinate{Name: src.at(at.Name), Version: at.Version})
	switch {
	case registry.KindOf(err) == registry.NotFound && err != nil:
		return d, nil
	case err != nil || here.Version.State == registry.Deleted || len(here.Cached) == 0 || !src.ofOwners(here.Cached):
		return d, err
	}
	files := slices.Clone(d.Files)
	for _, f := range here.Files {
		if i := slices.IndexFunc(files, func(l registry.File) bool { return l.Path == f.Path }); i >= 0 {
			files[i] = f
		} else {
			files = append(files, f)
		}
	}
	here.Version.State, here.Version.Reason = d.Version.State, d.Version.Reason
	here.Package, here.Files, here.Tags = d.Package, files, d.Tags
	return here, nil
}

func (s *Upstreams) resolve(ctx context.Context, src source, at registry.Name, ref catalog.Ref) (registry.Version, error) {
	if src.index == nil {
		return s.local.Resolve(ctx, src.at(at), ref)
	}
	version := ref.Version
	if version == "" && ref.Tag != "" {
		for _, t := range src.index.listing.Tags {
			if t.Name == ref.Tag {
				version = t.Version
			}
		}
		if version == "" {
			return registry.Version{}, registry.Errorf(registry.NotFound, registry.AboutTag, "there is no tag %q on %q", registry.Clip(ref.Tag), at.Package)
		}
	}
	v, ok := src.index.versions[version]
	if !ok {
		return registry.Version{}, noVersion(at.At(version))
	}
	return *v, nil
}

func (s *Upstreams) tagsOf(ctx context.Context, src source, name registry.Name, page registry.Page) ([]registry.Tag, error) {
	if src.index == nil {
		return s.local.TagPage(ctx, src.at(name), page)
	}
	var out []registry.Tag
	for _, t := range src.index.listing.Tags {
		if t.Name > page.After {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b registry.Tag) int { return strings.Compare(a.Name, b.Name) })
	if page.Limit > 0 {
		out = out[:min(len(out), page.Limit)]
	}
	return out, nil
}

func (s *Upstreams) tagHistory(ctx context.Context, src source, name registry.Name, tag string, page registry.Page) ([]registry.Tag, error) {
	if src.index == nil {
		return s.local.TagHistory(ctx, src.at(name), tag, page)
	}
	return nil, registry.Errorf(registry.NotFound, registry.AboutTag, "there never was a tag %q on %q", registry.Clip(tag), name.Package)
}

func noVersion(at registry.Coordinate) error {
	return registry.Errorf(registry.NotFound, registry.AboutVersion, "there is no version %q of %q", registry.Clip(at.Version), at.Package)
}
