package registry

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"slipway/metadata"
)

// Formats are the rules of each format, by its name.
type Formats map[string]Rules

// CheckState checks that the format has the state, and that the reason is short enough. Invalid.
func (f Formats) CheckState(format string, state State, reason string) error {
	if state != Published && !slices.Contains(f[format].States, state) {
		return Errorf(Invalid, AboutVersion, "a version of format %q can't be %q", format, Clip(string(state)))
	}
	if len(reason) > MaxFactBytes {
		return Errorf(Invalid, AboutVersion, "the message is longer than %d bytes", MaxFactBytes)
	}
	return nil
}

// CheckTag checks a tag against the common grammar and the format's own rule.
func (f Formats) CheckTag(format, tag string) error {
	if err := CheckTag(tag); err != nil {
		return err
	}
	if check := f[format].CheckTag; check != nil {
		return check(tag)
	}
	return nil
}

// NameOf makes a name from a package name sent to the common API, by the rules of the format. Invalid, NotFound.
func (f Formats) NameOf(repository, format, pkg string) (Name, error) {
	rules, ok := f[format]
	if !ok {
		return Name{}, Errorf(NotFound, AboutPackage, "there is no format %q", Clip(format))
	}
	key, err := rules.Normalize(pkg)
	if err != nil {
		return Name{}, err
	}
	return NewName(repository, format, key, pkg)
}

// NamesOf returns the names that a package URL can mean in a repository, by format. Invalid: no format has its type.
func (f Formats) NamesOf(repository string, p PURL) ([]Name, error) {
	var out []Name
	for format, rules := range f {
		if rules.PURLType != p.Type {
			continue
		}
		name, err := p.pkg(rules)
		if err != nil {
			return nil, err
		}
		at, err := f.NameOf(repository, format, name)
		if err != nil {
			return nil, err
		}
		out = append(out, at)
	}
	if len(out) == 0 {
		return nil, Errorf(Invalid, AboutRequest, "no format has package URLs of the type %q", Clip(p.Type))
	}
	slices.SortFunc(out, func(a, b Name) int { return strings.Compare(a.Format, b.Format) })
	return out, nil
}

// PackagesOf returns the existing packages of a repository that a package URL can mean. Invalid: no format has its type.
func (f Formats) PackagesOf(tx metadata.Tx, repo Repository, p PURL) ([]Package, error) {
	names, err := f.NamesOf(repo.Name, p)
	if err != nil {
		return nil, err
	}
	var out []Package
	for _, at := range names {
		pkg, err := OpenPackage(tx, at)
		switch {
		case err == nil:
			out = append(out, pkg)
		case KindOf(err) != NotFound:
			return nil, err
		}
	}
	return out, nil
}

// OpenPackage returns the row of a package. NotFound: about the repository, or about the package.
func OpenPackage(tx metadata.Tx, at Name) (Package, error) {
	p, err := tx.Packages().Package(at.Repository, at.Format, at.Package)
	if errors.Is(err, metadata.ErrNotExist) {
		if _, rerr := tx.Repositories().Repository(at.Repository); errors.Is(rerr, metadata.ErrNotExist) {
			return p, Missing(rerr, AboutRepository, "there is no repository %q", Clip(at.Repository))
		}
	}
	return p, Missing(err, AboutPackage, "there is no %s package %q in repository %q", at.Format, Clip(at.Package), at.Repository)
}

// Living returns a version of a package that is not deleted. NotFound.
func Living(versions metadata.Versions, p Package, version string) (Version, error) {
	v, err := versions.Version(p.ID, version)
	return Present(p, v, err, version)
}

// Present returns the version that a look-up by name found in a package, unless it is deleted. NotFound.
func Present(p Package, v Version, err error, name string) (Version, error) {
	if err == nil && v.State == Deleted {
		err = metadata.ErrNotExist
	}
	if err != nil {
		return Version{}, Missing(err, AboutVersion, "there is no version %q of %q", Clip(name), p.Name)
	}
	return v, nil
}

// FindCanonical finds a version, also a deleted one, in any spelling that means the same. metadata.ErrNotExist.
func (f Formats) FindCanonical(versions metadata.Versions, pkg Package, version string) (Version, error) {
	v, err := versions.Version(pkg.ID, version)
	spelling := f[pkg.Format].Spelling
	if !errors.Is(err, metadata.ErrNotExist) || spelling == nil {
		return v, err
	}
	canonical, key := spelling(version)
	if canonical == "" {
		return v, err
	}
	if v, err = versions.Version(pkg.ID, canonical); !errors.Is(err, metadata.ErrNotExist) || key == nil {
		return v, err
	}
	// Names are never empty, so seeking past (key, "") lands on the first version with this key.
	vs, err := versions.Versions(metadata.VersionPage{PackageID: pkg.ID, AfterSortKey: key, Deleted: true, NoDescriptors: true, Limit: 1})
	switch {
	case err != nil:
		return v, err
	case len(vs) == 0 || !bytes.Equal(vs[0].SortKey, key):
		return v, metadata.ErrNotExist
	}
	return versions.VersionByID(vs[0].ID)
}
