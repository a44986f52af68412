package catalog

import (
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/lookup"
)

type packageKey struct{ repository, format, key string }

func packageBytes(p registry.Package) int { return lookup.RecordBytes + len(p.Descriptor) }

func packageSince(m metadata.Versioned, p registry.Package) uint64 { return belowSince(m, p.ID) }

// belowSince is the generation of the last update that may have changed anything in a package.
func belowSince(m metadata.Versioned, packageID int64) uint64 {
	return max(m.GenerationOf(metadata.RepositoryRows), m.GenerationOf(metadata.Part(packageID)))
}

type prefixKey struct {
	packageKey
	prefix string
}

type packageOrGroup struct {
	pkg  registry.Package
	more bool
}

func (p packageOrGroup) bytes() int { return packageBytes(p.pkg) }

func (p packageOrGroup) since(m metadata.Versioned) uint64 {
	last := max(m.GenerationOf(metadata.RepositoryRows), m.GenerationOf(metadata.PackageNames))
	if p.pkg.ID == 0 {
		return last
	}
	return max(last, m.GenerationOf(metadata.Part(p.pkg.ID)))
}

type taggedKey struct{ repository, format, key, tag string }

func versionBytes(v registry.Version) int { return lookup.RecordBytes + len(v.Descriptor) }

func versionSince(m metadata.Versioned, v registry.Version) uint64 { return belowSince(m, v.PackageID) }

// fileKey is a path in a version or, without one, in any version of a package.
type fileKey struct {
	packageKey
	version, path string
}

func fileBytes(f registry.File) int { return lookup.RecordBytes + len(f.Path) }

func fileSince(m metadata.Versioned, f registry.File) uint64 {
	return max(belowSince(m, f.PackageID), m.GenerationOf(metadata.FileRows))
}
