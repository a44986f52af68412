package upstreams

import (
	"context"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/publish"
)

// Source is what a format knows of registries of its kind elsewhere: how to ask them, and what their answers mean. Its methods are pure:
// no network, no store, no policy. A format without one has no remotes.
type Source interface {
	// Document says how the document is asked for that lists the versions of a package; false where the format has none, so that files
	// are known by their paths only.
	Document(at registry.Name) (Ask, bool)
	// Parse reads that document. Everything in it is hostile: names, hosts, sizes, sums, counts. It must be about the package that was
	// asked for. base is where the document came from, to which its links are relative. Invalid.
	Parse(at registry.Name, base string, doc io.Reader) (Index, error)
	// File says how a file is asked for: from its entry or, where the format has no document, from its coordinate and path alone.
	// Invalid: no registry of the kind has such a file.
	File(at registry.Coordinate, path string, e *Entry) (Ask, error)
	// Check refuses a file by its first bytes, at most CheckBytes: a login page in place of an archive. Invalid.
	Check(path string, head []byte) error
	// Mutable reports whether the path may get other bytes at the remote, so that a copy must be compared with it from time to time.
	Mutable(at registry.Coordinate, path string) bool
	// Enter makes the release of a file whose bytes are here and verified: what publishing it would have made, in the mode Append.
	Enter(ctx context.Context, e Entered) (publish.Release, error)
}

// Gatherer is a Source whose registries have no document that lists the files of a version.
type Gatherer interface {
	// Gather gets, by calls of get, every file that installers of a version ask for: those that the package URL means, and those that
	// they lead to. It ends at the first file that must be there and is not. Invalid: the package URL means no file.
	Gather(ctx context.Context, at registry.Coordinate, p registry.PURL, get Get) error
}

// Extractor is a Source whose registries list parts of files as files of their own. Of a file that is here they are made here.
type Extractor interface {
	// Within is the path of the file of the same version that a file is a part of; "": it is none.
	Within(path string) string
	// Extract reads the part of a file that is here. Invalid: it has none.
	Extract(ctx context.Context, whole Entered, path string) ([]byte, error)
}

// Dated is a Source whose document has no times of versions. A file of each version has: its remote says when it changed last.
type Dated interface {
	// DatedBy is the path of that file.
	DatedBy(at registry.Coordinate) string
}

// Get returns a file's content, which the caller closes. NotFound.
type Get func(ctx context.Context, at registry.Coordinate, path string) (io.ReadCloser, error)

// CheckBytes is how much of a file Source.Check gets.
const CheckBytes = 4 << 10

// Ask is one question to a remote.
type Ask struct {
	URL    string // absolute, or a path as escaped in URLs that is appended to the remote's URL
	Accept string
	Gzip   bool // documents only
	// Sum asks for the file beside it that holds a sum of it, where the answer's header has none: ".sha1". "": there is no such file.
	Sum string
	// Scope is that of the token which a registry may want: see origin.Request.
	Scope string
}

// Index is what one remote says of one package, in the form in which the format's own front-end stores it: a document rendered from
// it is like one of published versions. IDs and digests of versions are empty.
type Index struct {
	Name       string // of the package, as shown
	Descriptor []byte // as of a package's row
	// UpdatedAt is when the package changed, by the document's own word; zero where it has none.
	UpdatedAt time.Time
	// Versions are ascending in the format's order, each once: Name, PURL, State, Reason, SortKey, Prerelease, Descriptor, PublishedAt.
	Versions []registry.Version
	Tags     []registry.Tag // Name and Version
	Entries  []Entry
}

// Entry is one file that an index names.
type Entry struct {
	Version     string
	Path        string // in the version, as stored here
	MediaType   string
	URL         string // absolute, or relative to the remote's URL
	Size        int64  // bytes; -1: not known
	Sums        Sums
	PublishedAt time.Time // zero: not known
	// Pinned: clients know the sha256 or sha512 before they ask, and compare it, so parts of the file may leave before all of it is verified.
	Pinned bool
}

// Sums are what a remote announced of a file; those that it did not are empty.
type Sums struct {
	SHA256 digest.Digest
	SHA512 []byte // 64 bytes
	SHA1   []byte // 20 bytes
	MD5    []byte // 16 bytes
}

// sumsOf are the sums of stored bytes.
func sumsOf(b registry.Blob) Sums {
	return Sums{SHA256: b.Digest, SHA512: b.SHA512, SHA1: b.SHA1, MD5: b.MD5}
}

// Strongest names the strongest sum; "none" if there is none.
func (s Sums) Strongest() string {
	switch {
	case s.SHA512 != nil:
		return "sha512"
	case s.SHA256 != "":
		return "sha256"
	case s.SHA1 != nil:
		return "sha1"
	case s.MD5 != nil:
		return "md5"
	default:
		return "none"
	}
}

// Entered is a file from a remote whose bytes are stored and verified.
type Entered struct {
	At      registry.Coordinate // its version may be empty where the file's content names it
	Path    string
	Entry   *Entry            // nil: the format has no document
	Version *registry.Version // of the index; nil without one
	Blob    registry.Blob     // with every sum that the format serves
	Tags    []string          // of Images: those that the file was asked for by
	Now     time.Time         // of Images
	// Beside reads a small blob that the file names, of Images; nil: there are none to be had. Its error says that the blob can't be read now,
	// which is no reason to refuse the file.
	Beside func(ctx context.Context, e *Entry) ([]byte, error)
	// Open reads it. The caller closes.
	Open func(ctx context.Context) (io.ReadCloser, error)
}
