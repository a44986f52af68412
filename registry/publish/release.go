package publish

import (
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// Mode says what a commit may do to a version that exists.
type Mode int

// Modes. Create: nothing; the same files again are success. Append: add files under new paths. Replace: also put other
// bytes under known paths.
const (
	Create Mode = iota
	Append
	Replace
)

// Staged is a file whose bytes are durable but not yet visible.
type Staged struct {
	Path      string
	MediaType string
	Blob      registry.Blob // without ID

	at      time.Time // a later collection may have removed the bytes
	checked bool      // the store had the bytes at the time at
	linked  bool      // the package holds the bytes already
	held    bool      // a set holds the bytes
}

// Release is what a commit makes of the staged files.
type Release struct {
	Version    string
	PURL       string
	Mode       Mode
	SortKey    []byte
	Prerelease bool
	Descriptor []byte
	MediaType  string
	// Digest is the version's digest where the format has its own (a manifest's); "" for ContentDigest. A Create of an
	// existing coordinate with the same Digest succeeds and sets its Tags.
	Digest digest.Digest
	// Merge returns the version's new descriptor, given the old one, which is nil for a new version. It serves formats whose
	// versions grow file by file, by requests that may be concurrent. It may run more than once.
	Merge func(old []byte) ([]byte, error)
	// Redescribe: Merge is asked for an existing version even if the release brings no new file.
	Redescribe bool
	// State and Reason mark a new version, with a separate event; State "" leaves it Published. See Edit.SetState.
	State  registry.State
	Reason string
	// References are the digests that the version points at within its package.
	References []Reference
	// Silent is for a version that is a part of another: it is logged, but subscribers learn of it only with its first tag.
	Silent bool
	// Attached is for a version that belongs to another one, as a signature does: it is not shown as a version of its own, and its
	// events have types of their own. It ends when a tag that is no AttachmentTag is set, unless the version has a subject.
	Attached bool
	// Revive lets a deleted coordinate be published again. It is for coordinates that are digests, which can't return with
	// other content.
	Revive bool
	// Fill adds files of the release that an existing version of the same Digest lacks: a manifest may be stored before what it
	// names.
	Fill bool
	// SameKey says that versions with an equal SortKey are the same version, however they are spelled. An existing or deleted
	// version with the key keeps its name and PURL, and the release goes into it.
	SameKey bool
	// Package returns the package's new descriptor, given the old one. It may run more than once. nil: the descriptor stays.
	Package func(old []byte) ([]byte, error)
	// Tags are set to the version; TagsIfUnset only where the package has no such tag.
	Tags        []string
	TagsIfUnset []string
	// TagIf is called in the transaction with each of Tags as it is before the commit, the zero Tag where there is none. Its
	// error refuses the commit. It may run more than once and touches nothing else. nil: no condition.
	TagIf func(name string, now registry.Tag) error
	Facts []registry.FactInput
	// Cached is for a file that a remote delivered: nobody publishes it, so its events have types of their own and its package stays
	// the remote's. nil for all else.
	Cached *Cached
	// Promotion is for a version of another repository. nil for all else.
	Promotion *registry.EventPromotion
	// Files are the staged files that belong to the version; nil is all. The others are dropped.
	Files []Staged
	// If is called in the transaction with what the version holds before the commit. Its error refuses the commit. It may run
	// more than once and touches nothing else. nil: no condition.
	If func(have Existing) error
}

// Cached says where the file of a release came from; of a release with a Digest, its descriptor. The rest of the CachedFile's fields are
// filled in.
type Cached struct {
	Upstream string // the remote's name
	// Through are the ids of the repositories that it came through: to their readers the name stays with the remote, unless it came from
	// another one before.
	Through []int64
	File    metadata.CachedFile
	// Parts are what the descriptor names. A part that the package holds is a file of the version at once, under its digest as the path,
	// and any other when it arrives: see EnterPart.
	Parts []Part
	// Beside says of files that came with the descriptor where they came from, by path.
	Beside map[string]metadata.CachedFile
}

// Part is a blob that the descriptor of a version names.
type Part struct {
	Digest    digest.Digest
	MediaType string
}

// Result is what a commit did. Neither Created nor Changed: everything existed before, and there is no new event.
type Result struct {
	Version registry.Version
	Package registry.Package // as it is after the commit
	Created bool             // the version is new
	Changed bool             // something was written, if only a tag
	Files   []registry.File  // that were added or replaced, as they are stored
}

// Reference is a digest that a version points at.
type Reference struct {
	Kind   string
	Digest digest.Digest
	// Required: the package must hold a version of this digest, else the commit fails with NotFound about a blob. Other
	// references may point at nothing.
	Required bool
}

// HeldFile makes a Staged whose bytes something else, such as a set, holds until the commit.
func HeldFile(path, mediaType string, b registry.Blob) Staged {
	return Staged{Path: path, MediaType: mediaType, Blob: b, held: true}
}

// Held reports whether something else holds the bytes until the commit.
func (st Staged) Held() bool { return st.held }
