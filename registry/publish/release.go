package publish

import (
	"time"

	"github.com/opencontainers/go-digest"

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

	at      time.Time // collections after it may have taken the bytes
	checked bool      // at is exact: the bytes were seen since
	linked  bool      // bytes that the package holds already
	held    bool      // bytes that a set holds
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
	// Digest is the identity of the content where the format has one of its own (a manifest's); "" for ContentDigest. A
	// Create of the same coordinate with the same Digest is the same content, and its Tags are set all the same.
	Digest digest.Digest
	// Merge returns the version's descriptor from the former one, nil for a new version: for formats whose versions grow
	// file by file, where several requests may meet. It may run more than once.
	Merge func(old []byte) ([]byte, error)
	// State and Reason mark a version that is new, with an event of their own; "" leaves it Published. See Edit.SetState.
	State  registry.State
	Reason string
	// References are what the version points at within its package.
	References []Reference
	// Silent stores a part of something else: it is logged, but announced only with its first tag.
	Silent bool
	// Revive lets a deleted coordinate be published again: it names its content, so it can't come back as something else.
	Revive bool
	// SameKey says that versions with an equal SortKey are one, however they are spelled: what is there, or was, keeps its
	// name and PURL, and the release goes into it.
	SameKey bool
	// Package returns the package's descriptor from the former one; nil keeps it. It may run more than once.
	Package func(old []byte) ([]byte, error)
	// Tags are set to the version; TagsIfUnset only where the package has no such tag.
	Tags        []string
	TagsIfUnset []string
	// TagIf sees, in the transaction, what each of Tags names before, a zero Tag for nothing, and refuses the commit with
	// its error. It may run more than once and touches nothing else. nil: no condition.
	TagIf func(name string, now registry.Tag) error
	Facts []registry.FactInput
	// Files are the staged files that belong to the version; nil is all. The others are dropped.
	Files []Staged
	// If sees, in the transaction, the files that the version holds before (none when it is new), and refuses the commit
	// with its error. It may run more than once and touches nothing else. nil: no condition.
	If func(have Existing) error
}

// Result is what a commit did. Neither Created nor Changed: all of it was there before, and there is no new event.
type Result struct {
	Version registry.Version
	Package registry.Package // as it is with the version
	Created bool             // the version is new
	Changed bool             // something was written, if only a tag
}

// Reference is a digest that a version points at.
type Reference struct {
	Kind   string
	Digest digest.Digest
	// Required: the package must hold a version of this digest, else the commit fails with NotFound about a blob. Others
	// need not be there.
	Required bool
}

// HeldFile is a file whose bytes something else holds until the commit, as a set holds its files.
func HeldFile(path, mediaType string, b registry.Blob) Staged {
	return Staged{Path: path, MediaType: mediaType, Blob: b, held: true}
}

// Held reports whether something else holds the bytes until the commit.
func (st Staged) Held() bool { return st.held }
