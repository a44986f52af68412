package upstreams

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"slipway/registry"
	"slipway/registry/catalog"
)

// latestTag names the newest version for those who ask for none.
const latestTag = "latest"

// pkg returns the package as clients see it: the row of the only source, or one that is made of several. NotFound.
func (f found) pkg() (registry.Package, error) {
	if len(f.sources) == 0 {
		return registry.Package{}, f.absent()
	}
	p := f.sources[0].pkg
	if len(f.sources) == 1 && f.sources[0].index == nil && len(f.held) == 0 {
		return p, nil
	}
	p.ID, p.Revision = f.id, f.stamp
	for _, s := range f.sources[1:] {
		p.VersionCount += s.pkg.VersionCount
		if s.pkg.CreatedAt.Before(p.CreatedAt) {
			p.CreatedAt = s.pkg.CreatedAt
		}
		if s.pkg.UpdatedAt.After(p.UpdatedAt) {
			p.UpdatedAt = s.pkg.UpdatedAt
		}
	}
	return p, nil
}

// listing reads the package from all sources: each version whole from the first that has it or, where the format says so, with
// the files of all.
func (s *Upstreams) listing(ctx context.Context, f found, files bool) (catalog.PackageListing, error) {
	var out catalog.PackageListing
	pkg, err := f.pkg()
	if err != nil {
		return out, err
	}
	if len(f.sources) == 1 && len(f.held) == 0 {
		return s.onlyListing(ctx, f, files)
	}
	out.Files = map[int64][]registry.File{}
	have := map[string]registry.Version{}
	tagged := map[string]bool{}
	var descriptor []byte         // of the source that has the tag latest
	heldOnly := map[string]bool{} // versions that no source lists
	for i, src := range f.exact() {
		c, err := s.listingOf(ctx, src, f.name, files)
		if isMissing(err, registry.AboutPackage) {
			continue // deleted since it was found
		}
		if err != nil {
			return out, err
		}
		held := i < len(f.held)
		if held {
			c.Tags = nil
		}
		for _, v := range c.Versions {
			first, known := have[v.Name]
			heldOnly[v.Name] = held && (!known || heldOnly[v.Name])
			if !known {
				first = v
				have[v.Name] = v
				out.Versions = append(out.Versions, v)
			}
			if !known || s.core.Rules[f.name.Format].UnionFiles {
				out.Files[first.ID] = addFiles(out.Files[first.ID], c.Files[v.ID], first.ID)
			}
		}
		for _, t := range c.Tags {
			if t.Name == latestTag && !tagged[t.Name] {
				descriptor = c.Package.Descriptor
			}
			if !tagged[t.Name] {
				tagged[t.Name] = true
				out.Tags = append(out.Tags, t)
			}
		}
	}
	if descriptor != nil {
		pkg.Descriptor = descriptor
	}
	out.Versions = slices.DeleteFunc(out.Versions, func(v registry.Version) bool { return heldOnly[v.Name] })
	maps.DeleteFunc(have, func(name string, _ registry.Version) bool { return heldOnly[name] })
	slices.SortFunc(out.Versions, byOrder)
	retag(&out, have)
	pkg.VersionCount = int64(len(out.Versions))
	pkg.Latest = newest(out)
	out.Package = pkg
	return out, nil
}

// onlyListing is the listing of a package that a single place has.
func (s *Upstreams) onlyListing(ctx context.Context, f found, files bool) (catalog.PackageListing, error) {
	c, err := s.listingOf(ctx, f.sources[0], f.name, files)
	if f.sources[0].index != nil {
		c.Package.ID, c.Package.Revision = f.id, f.stamp
	}
	return c, err
}

// retag points the tags at the versions that are shown. A tag of a version that is not shown is dropped, but latest: it names the
// highest version.
func retag(c *catalog.PackageListing, have map[string]registry.Version) {
	c.Tags = slices.DeleteFunc(c.Tags, func(t registry.Tag) bool { return have[t.Version].ID == 0 && t.Name != latestTag })
	for i, t := range c.Tags {
		v, ok := have[t.Version]
		if !ok {
			v, ok = have[highest(c.Versions)]
		}
		if ok {
			c.Tags[i].Version, c.Tags[i].VersionID, c.Tags[i].Digest = v.Name, v.ID, v.Digest
		}
	}
	slices.SortFunc(c.Tags, func(a, b registry.Tag) int { return strings.Compare(a.Name, b.Name) })
}

// newest is the version that is shown as the newest one.
func newest(c catalog.PackageListing) string {
	for _, t := range c.Tags {
		if t.Name == latestTag {
			return t.Version
		}
	}
	return highest(c.Versions)
}

// highest follows the rule of metadata.Versions.Highest, for versions in ascending order.
func highest(versions []registry.Version) string {
	last := ""
	for _, v := range slices.Backward(versions) {
		if v.Attached {
			continue
		}
		if !v.Prerelease && v.State != registry.Yanked {
			return v.Name
		}
		last = cmp.Or(last, v.Name)
	}
	return last
}

func byOrder(a, b registry.Version) int {
	return cmp.Or(bytes.Compare(a.SortKey, b.SortKey), strings.Compare(a.Name, b.Name))
}

// addFiles adds the files whose paths are not there yet to a version.
func addFiles(have, more []registry.File, versionID int64) []registry.File {
	for _, f := range more {
		if !slices.ContainsFunc(have, func(h registry.File) bool { return h.Path == f.Path }) {
			f.VersionID = versionID
			have = append(have, f)
		}
	}
	return have
}

// versions lists the versions of all sources, the newest first. The lists are read whole, as a page of one says little about a page
// of all.
func (s *Upstreams) versions(ctx context.Context, f found, q catalog.VersionQuery) ([]registry.Version, error) {
	switch {
	case len(f.sources) == 0:
		_, err := f.pkg()
		return nil, err
	case len(f.sources) == 1 && len(f.held) == 0:
		return s.versionsOf(ctx, f.sources[0], f.name, q)
	}
	all, held := map[string]registry.Version{}, map[string]registry.Version{}
	for i, src := range f.exact() {
		into := all
		if i < len(f.held) {
			into = held
		}
		page := catalog.VersionQuery{Limit: registry.MaxPage, Deleted: q.Deleted, Attached: q.Attached, NoParts: q.NoParts}
		for {
			list, err := s.versionsOf(ctx, src, f.name, page)
			if err != nil {
				return nil, err
			}
			for _, v := range list {
				if known, ok := into[v.Name]; !ok || known.State == registry.Deleted && v.State != registry.Deleted {
					into[v.Name] = v
				}
				page.After = v.Name
			}
			if len(list) < page.Limit {
				break
			}
		}
	}
	for name := range all {
		if v, ok := held[name]; ok && v.State != registry.Deleted {
			all[name] = v
		}
	}
	out := make([]registry.Version, 0, len(all))
	after, found := all[q.After]
	if q.After != "" && !found {
		return nil, registry.Errorf(registry.NotFound, registry.AboutVersion, "the cursor is not a version of %q", f.name.Package)
	}
	for _, v := range all {
		if q.After == "" || byOrder(v, after) < 0 {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b registry.Version) int { return byOrder(b, a) })
	return out[:min(len(out), registry.Bound(q.Limit))], nil
}

// detail reads one version from the first source that has it, with the files of all where the format says so.
func (s *Upstreams) detail(ctx context.Context, f found, at registry.Coordinate) (catalog.VersionDetail, error) {
	var out catalog.VersionDetail
	union := s.core.Rules[at.Format].UnionFiles
	err := f.eachOf(f.exact(), func(src source) (bool, error) {
		d, err := s.detailOf(ctx, src, at)
		switch {
		case err != nil:
			return false, err
		case out.Version.ID == 0 || out.Version.State == registry.Deleted && d.Version.State != registry.Deleted:
			out = d
		case union && d.Version.State != registry.Deleted:
			out.Files = addFiles(out.Files, d.Files, out.Version.ID)
		}
		return !union && out.Version.State != registry.Deleted, nil
	})
	if err == nil && len(f.sources) > 1 {
		out.Package, err = f.pkg()
	}
	return out, err
}

// tags reads a page of the tags of all sources.
func (s *Upstreams) tags(ctx context.Context, f found, page registry.Page) ([]registry.Tag, error) {
	var out []registry.Tag
	err := f.each(func(src source) (bool, error) {
		list, err := s.tagsOf(ctx, src, f.name, page)
		for _, t := range list {
			if !slices.ContainsFunc(out, func(h registry.Tag) bool { return h.Name == t.Name }) {
				out = append(out, t)
			}
		}
		return false, err
	})
	slices.SortFunc(out, func(a, b registry.Tag) int { return strings.Compare(a.Name, b.Name) })
	if page.Limit > 0 && len(out) > page.Limit {
		out = out[:page.Limit]
	}
	return out, err
}

// exact are the sources of what is asked for by its exact version: what is published here comes first.
func (f found) exact() []source {
	if len(f.held) == 0 {
		return f.sources
	}
	return slices.Concat(f.held, f.sources)
}

// exactly is first for those.
func exactly[T any](ctx context.Context, s *Upstreams, at registry.Name, look func(source) (T, error)) (out T, err error) {
	f, err := s.find(ctx, at)
	if err != nil {
		return out, err
	}
	return firstOf(f, f.exact(), look)
}

// each calls fn for the sources in order until it is done. What some lack is no error if another has it.
func (f found) each(fn func(source) (done bool, err error)) error { return f.eachOf(f.sources, fn) }

func (f found) eachOf(sources []source, fn func(source) (done bool, err error)) error {
	_, missing := f.pkg()
	some := false
	for _, src := range sources {
		done, err := fn(src)
		switch last, ends := finalOf(err); {
		case ends:
			return last.error
		case err == nil:
			some = true
		case registry.KindOf(err) != registry.NotFound:
			return err
		case !some:
			missing = err
		}
		if done {
			return nil
		}
	}
	if some {
		return nil
	}
	return f.proven(missing)
}

// final is a NotFound that ends the search.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }

func finalOf(err error) (last *final, ok bool) {
	if err != nil {
		ok = errors.As(err, &last)
	}
	return last, ok
}

// first returns the answer of the first source that has one. NotFound.
func first[T any](ctx context.Context, s *Upstreams, at registry.Name, look func(source) (T, error)) (out T, err error) {
	f, err := s.find(ctx, at)
	if err != nil {
		return out, err
	}
	return firstOf(f, f.sources, look)
}

// pinned is first over all places that the caller may read, for what is asked for by its digest: equal bytes are the same everywhere.
func pinned[T any](ctx context.Context, s *Upstreams, at registry.Name, look func(source) (T, error)) (out T, err error) {
	f, err := s.find(ctx, at)
	if err != nil {
		return out, err
	}
	return firstOf(f, slices.Concat(f.visible, f.held), look)
}

func firstOf[T any](f found, sources []source, look func(source) (T, error)) (out T, err error) {
	err = f.eachOf(sources, func(src source) (done bool, err error) {
		out, err = look(src)
		return err == nil, err
	})
	return out, err
}

func isMissing(err error, about registry.Subject) bool {
	return errors.Is(err, &registry.Error{Kind: registry.NotFound, Subject: about})
}
