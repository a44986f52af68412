package policy

import (
	"context"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/catalog"
)

// The methods of catalog.Reader.

// Package implements catalog.Reader. Blocked: rules hide all of it.
func (r *Reader) Package(ctx context.Context, at registry.Name) (registry.Package, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return registry.Package{}, err
	}
	if l != nil && !catalog.ShowsHidden(ctx) {
		if err := l.before(ctx, "", registry.AboutPackage); err != nil {
			return registry.Package{}, err
		}
	}
	pkg, err := r.Reader.Package(ctx, at)
	if err != nil || catalog.ShowsHidden(ctx) {
		return pkg, err
	}
	if l != nil {
		if pkg, err = l.pkg(ctx, pkg); err != nil {
			return pkg, err
		}
	}
	set, err := r.p.rules(ctx)
	return set.stamped(pkg), err
}

// PackageOrGroup implements catalog.Reader.
func (r *Reader) PackageOrGroup(ctx context.Context, at registry.Name, prefix string) (registry.Package, bool, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return registry.Package{}, false, err
	}
	pkg, more, err := r.Reader.PackageOrGroup(ctx, at, prefix)
	if err != nil {
		return pkg, more, err
	}
	if l != nil && pkg.Key != "" {
		seen, err := l.pkg(ctx, pkg)
		if err != nil && !more {
			return pkg, more, err
		}
		if err == nil {
			pkg = seen
		}
	}
	set, err := r.p.rules(ctx)
	return set.stamped(pkg), more, err
}

// Packages implements catalog.Reader, without the names of which a rule denies every version.
func (r *Reader) Packages(ctx context.Context, repository string, q catalog.PackageQuery) ([]registry.Package, error) {
	set, err := r.p.rules(ctx)
	if err != nil {
		return nil, err
	}
	if set.idle() {
		return r.Reader.Packages(ctx, repository, q)
	}
	limit := registry.Bound(q.Limit)
	var out []registry.Package
	for {
		page, err := r.Reader.Packages(ctx, repository, q)
		if err != nil {
			return nil, err
		}
		for _, pkg := range page {
			if q.After = pkg.Format + "/" + pkg.Key; !r.denied(ctx, set, repository, pkg) {
				out = append(out, pkg)
			}
		}
		if len(page) < limit || len(out) >= limit {
			return out[:min(len(out), limit)], nil
		}
	}
}

// denied reports whether a rule denies every version of a package.
func (r *Reader) denied(ctx context.Context, set *rules, repository string, pkg registry.Package) bool {
	row, err := r.p.core.RepositoryRow(ctx, repository)
	if err != nil {
		return false
	}
	ids := []int64{row.ID}
	if pkg.RepositoryID != row.ID && pkg.RepositoryID != 0 {
		ids = append(ids, pkg.RepositoryID)
	}
	scope := set.scope(pkg.Format, pkg.Key, ids)
	for i, list := range scope.lists {
		scope.lists[i] = untilNarrow(list)
	}
	return scope.decide(Subject{Age: Age{None: true}}, r.p.core.Now()).Outcome == Denied
}

// PackageListing implements catalog.Reader, without what the rules hide; Refused says what that is.
func (r *Reader) PackageListing(ctx context.Context, at registry.Name, files bool) (catalog.PackageListing, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return catalog.PackageListing{}, err
	}
	if l == nil || catalog.ShowsHidden(ctx) {
		return r.Reader.PackageListing(ctx, at, files)
	}
	if err := l.before(ctx, "", registry.AboutPackage); err != nil {
		return catalog.PackageListing{}, err
	}
	c, err := r.Reader.PackageListing(ctx, at, files || l.byFile())
	if err != nil {
		return c, err
	}
	j, err := l.filter(ctx, c)
	if !files {
		j.listing.Files = nil
	}
	return j.listing, err
}

// Versions implements catalog.Reader, without what the rules hide.
func (r *Reader) Versions(ctx context.Context, at registry.Name, q catalog.VersionQuery) ([]registry.Version, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return r.Reader.Versions(ctx, at, q)
	}
	limit := registry.Bound(q.Limit)
	var out []registry.Version
	for {
		page, err := r.Reader.Versions(ctx, at, q)
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			q.After = v.Name
			d, err := l.version(ctx, v)
			if err != nil {
				return nil, err
			}
			if d.Outcome.Shown() {
				out = append(out, v)
			}
		}
		if len(page) < limit || len(out) >= limit {
			return out[:min(len(out), limit)], nil
		}
	}
}

// VersionDetail implements catalog.Reader, without files that are refused by themselves. Blocked.
func (r *Reader) VersionDetail(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error) {
	return r.detail(ctx, at, r.Reader.VersionDetail)
}

// DetailHere is VersionDetail of what is here: see upstreams.Reader.DetailHere.
func (r *Reader) DetailHere(ctx context.Context, at registry.Coordinate) (catalog.VersionDetail, error) {
	return r.detail(ctx, at, r.Reader.DetailHere)
}

func (r *Reader) detail(ctx context.Context, at registry.Coordinate, below func(context.Context, registry.Coordinate) (catalog.VersionDetail, error)) (catalog.VersionDetail, error) {
	l, err := r.look(ctx, at.Name)
	if err != nil {
		return catalog.VersionDetail{}, err
	}
	if l == nil {
		return below(ctx, at)
	}
	if err := l.before(ctx, at.Version, registry.AboutVersion); err != nil {
		return catalog.VersionDetail{}, err
	}
	d, err := below(ctx, at)
	if err != nil {
		return d, err
	}
	judgement, err := l.version(ctx, d.Version)
	if err == nil {
		err = l.admit(ctx, at.Version, judgement, registry.AboutVersion)
	}
	if err != nil {
		return catalog.VersionDetail{}, err
	}
	left := []registry.File{}
	for _, f := range d.Files {
		judgement, err := l.file(ctx, at.Version, f)
		if err != nil {
			return catalog.VersionDetail{}, err
		}
		if judgement.Outcome.Served() {
			left = append(left, f)
		}
	}
	d.Files = left
	return d, nil
}

// File implements catalog.Reader. Blocked.
func (r *Reader) File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	return r.file(ctx, at, path, r.Reader.File)
}

// FileHere is File of what is here: see upstreams.Reader.FileHere.
func (r *Reader) FileHere(ctx context.Context, at registry.Coordinate, path string) (registry.File, error) {
	return r.file(ctx, at, path, r.Reader.FileHere)
}

func (r *Reader) file(ctx context.Context, at registry.Coordinate, path string, below func(context.Context, registry.Coordinate, string) (registry.File, error)) (registry.File, error) {
	l, err := r.look(ctx, at.Name)
	if err != nil {
		return registry.File{}, err
	}
	if l == nil {
		return below(ctx, at, path)
	}
	if err := l.before(ctx, at.Version, registry.AboutFile); err != nil {
		return registry.File{}, err
	}
	f, err := below(ctx, at, path)
	if err != nil {
		return f, err
	}
	version := at.Version
	if version == "" {
		if version, err = l.versionOf(ctx, f); err != nil {
			return registry.File{}, err
		}
	}
	d, err := l.file(ctx, version, f)
	if err == nil {
		err = l.admit(ctx, version, d, registry.AboutFile)
	}
	if err != nil {
		return registry.File{}, err
	}
	return f, nil
}

// versionOf names the version of a file that was found without one; "" while it is on its way: it was looked at before it was asked for.
func (l *look) versionOf(ctx context.Context, f registry.File) (string, error) {
	if f.VersionID <= 0 {
		return "", nil
	}
	var v registry.Version
	err := l.r.p.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		v, err = tx.Versions().VersionByID(f.VersionID)
		return err
	})
	return v.Name, err
}

// Folder implements catalog.Reader, without files that are refused by themselves. Blocked: about the version.
func (r *Reader) Folder(ctx context.Context, at registry.Coordinate, q catalog.FolderQuery) ([]catalog.FolderEntry, error) {
	l, err := r.look(ctx, at.Name)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return r.Reader.Folder(ctx, at, q)
	}
	if _, err := r.Resolve(ctx, at.Name, catalog.Ref{Version: at.Version}); err != nil {
		return nil, err
	}
	limit := registry.Bound(q.Limit)
	var out []catalog.FolderEntry
	for { // a page is full while there is more, whatever is left out of it
		page, err := r.Reader.Folder(ctx, at, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			q.After, q.AfterIsDir = e.Name, e.Dir
			if !e.Dir {
				d, err := l.file(ctx, at.Version, e.File)
				if err != nil {
					return nil, err
				}
				if !d.Outcome.Served() {
					continue
				}
			}
			out = append(out, e)
		}
		if len(page) < limit || len(out) >= limit {
			return out[:min(len(out), limit)], nil
		}
	}
}

// Referrers implements catalog.Reader, without what the rules hide.
func (r *Reader) Referrers(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error) {
	l, err := r.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return r.Reader.Referrers(ctx, at, d, after, limit)
	}
	limit = registry.Bound(limit)
	var out []registry.Version
	for {
		page, err := r.Reader.Referrers(ctx, at, d, after, limit)
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			after = v.ID
			decision, err := l.version(ctx, v)
			if err != nil {
				return nil, err
			}
			if decision.Outcome.Shown() {
				out = append(out, v)
			}
		}
		if len(page) < limit || len(out) >= limit {
			return out[:min(len(out), limit)], nil
		}
	}
}
