// Package registry is the kernel of Slipway's core: the words of the domain (what a repository, a package and a version are,
// and how they are named), its errors, its event types, and Core, which every part of the core is built over: it checks
// rights, runs transactions and writes the log. The parts live in the folders below.
package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/note"

	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/lookup"
	"slipway/storage"
)

// Core is what the parts of the core share. Its methods take the caller from the context (access.From) and fail with *Error.
// It starts nothing and holds nothing that needs to be closed.
type Core struct {
	Store metadata.Store
	Blobs storage.Store
	// Signer signs checkpoints; its name is the log's origin. Verifier is the text form of its public key.
	Signer   note.Signer
	Verifier string
	Rules    Formats
	// URL is the public base URL; "" to take it from each request.
	URL string
	Log *slog.Logger
	Now func() time.Time // for leases and sessions; log entries get the store's time
	// Callers looks callers up again at the time of their changes; nil: they may do what they might when they were looked up.
	Callers *access.Authenticator
	// Policy refuses bytes; nil: nothing is refused.
	Policy Policy
	// ClearDeleted drops what deleted repositories of a name still hold, in short transactions, so that a new one shows none of it.
	ClearDeleted func(ctx context.Context, name string) error
	// Forward is set by the part that keeps upstreams; nil: every repository takes what is written to it.
	Forward Forwarding
	// Shadows is set by that part too: who got a name from elsewhere that is published into a repository for the first time. nil: none did.
	Shadows func(tx metadata.Tx, repositoryID int64, at Name) ([]string, error)
	// MayPublish is set by that part too. It refuses to publish a name that belongs to a remote which owns names, in a repository that the
	// publish comes through; a name that is published there already is ours. paths are those of its files, as far as they are known; it may
	// ask the remote, so it is called outside transactions. Denied; Unavailable, BadUpstream: the remote can't say. nil: every name may be.
	MayPublish func(ctx context.Context, at Coordinate, to Target, paths ...string) error
	// UsedBlob is set by that part too: it notes that a caller gets a blob of a package whose versions came from remotes. nil: none did.
	UsedBlob func(ctx context.Context, of Package, d digest.Digest)
	// Moved is set by that part too: whether an administrator has a name come from remotes only, in one of the repositories. nil: no name does.
	Moved func(at Name, repositoryIDs ...int64) (bool, error)

	instance     string // id of the installation, made at the first start
	byRepository *lookup.Cache[string, Repository]
	clock        *clock
}

// Policy is what parts ask that hand out bytes by their digests.
type Policy interface {
	// Bytes refuses a blob of a package. Blocked.
	Bytes(ctx context.Context, at Name, d digest.Digest) error
}

// Refuses asks the policy about a blob of a package. Blocked.
func (s *Core) Refuses(ctx context.Context, at Name, d digest.Digest) error {
	if s.Policy == nil {
		return nil
	}
	return s.Policy.Bytes(ctx, at, d)
}

// CoreConfig is what Core needs.
type CoreConfig struct {
	Store    metadata.Store
	Blobs    storage.Store
	Signer   note.Signer
	Verifier string
	Rules    Formats
	URL      string
	Log      *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// NewCore makes the kernel over its stores, and gives an empty database its identity and its first repository.
func NewCore(ctx context.Context, c CoreConfig) (*Core, error) {
	core := &Core{Store: c.Store, Blobs: c.Blobs, Signer: c.Signer, Verifier: c.Verifier, Rules: c.Rules, URL: c.URL, Log: c.Log, Now: c.Now}
	if core.Log == nil {
		core.Log = slog.Default()
	}
	if core.Now == nil {
		core.Now = time.Now
	}
	core.clock = newClock(core.Now)
	core.byRepository = lookup.New[string](core.Store, repositoryBytes, repositorySince)
	if err := core.checkSettings(); err != nil {
		return nil, err
	}
	return core, core.prepare(ctx)
}
