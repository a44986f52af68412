package catalog

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
)

// Reader is what front-ends read. Catalog reads an instance's own tables; another Reader can wrap it and show less (a channel
// that follows a tag) or more (the packages of an upstream). Every method checks the right to read the repository.
//
// A front-end remembers a document that it rendered for as long as Package returns the same ID and Revision. So every change
// of a Reader's answer must come with a new Revision of the package that the answer is about.
type Reader interface {
	Bytes

	// Package returns the row of a package. NotFound: about the repository, or about the package.
	Package(ctx context.Context, at registry.Name) (registry.Package, error)
	// PackageOrGroup returns the row of a package, empty where there is none, and whether there are packages below prefix.
	PackageOrGroup(ctx context.Context, at registry.Name, prefix string) (registry.Package, bool, error)
	// Packages lists the packages of a repository that have or had versions. NotFound.
	Packages(ctx context.Context, repository string, q PackageQuery) ([]registry.Package, error)
	// PackageListing returns a package with everything that a document about it needs, as of one moment; files only if asked
	// for. NotFound.
	PackageListing(ctx context.Context, at registry.Name, files bool) (PackageListing, error)
	// Versions lists versions without descriptors, the newest first. NotFound.
	Versions(ctx context.Context, at registry.Name, q VersionQuery) ([]registry.Version, error)
	// Resolve finds a version by its name, a tag or its digest. In the context of Look, one that only a registry elsewhere has comes without ID
	// and Descriptor; its Size is that of the descriptor. NotFound.
	Resolve(ctx context.Context, at registry.Name, ref Ref) (registry.Version, error)
	// VersionDetail returns a version with its files, tags and facts. NotFound.
	VersionDetail(ctx context.Context, at registry.Coordinate) (VersionDetail, error)
	// File finds a path in one version or, where at names no version, in any version that holds it. NotFound. See Whole.
	File(ctx context.Context, at registry.Coordinate, path string) (registry.File, error)
	// Blob finds a blob that a version of the package holds, as a file under its digest. NotFound.
	Blob(ctx context.Context, at registry.Name, d digest.Digest) (registry.File, error)
	// Elsewhere names the package of another place, which the caller may read through the repository, that holds a blob: the package of that
	// name, else one of the same format. In a context of Whole, it is fetched first where only a registry elsewhere has it. NotFound.
	Elsewhere(ctx context.Context, at registry.Name, d digest.Digest) (registry.Name, error)
	// Folder lists the files and folders directly in a folder of a version. NotFound.
	Folder(ctx context.Context, at registry.Coordinate, q FolderQuery) ([]FolderEntry, error)
	// Tags returns the current tags, TagPage a page of them by name (all behind After where Limit is 0), and TagHistory every interval of one tag, the newest first. NotFound.
	Tags(ctx context.Context, at registry.Name) ([]registry.Tag, error)
	TagPage(ctx context.Context, at registry.Name, page registry.Page) ([]registry.Tag, error)
	TagHistory(ctx context.Context, at registry.Name, tag string, page registry.Page) ([]registry.Tag, error)
	// Referrers returns versions whose subject is d, without descriptors. One that only a registry elsewhere has comes with what that says of
	// it as its Descriptor. NotFound: about the repository.
	Referrers(ctx context.Context, at registry.Name, d digest.Digest, after int64, limit int) ([]registry.Version, error)
}

// Bytes opens the files that look-ups return.
type Bytes interface {
	// Open returns length bytes from offset, -1 to the end. The caller closes.
	Open(ctx context.Context, f registry.File, offset, length int64) (io.ReadCloser, error)
	// Link returns a URL of the store itself, "" where it has none.
	Link(ctx context.Context, f registry.File, mediaType string) (string, error)
}

var _ Reader = (*Catalog)(nil)
