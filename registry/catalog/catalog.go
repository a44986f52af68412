// Package catalog reads packages, versions, tags and files as they are now, and answers auditors: what was there at a past
// moment, how it went, and which versions a query finds.
package catalog

import (
	"context"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/lookup"
)

// Catalog reads what an instance holds now. The results of the most frequent look-ups are cached until a row that they depend on
// is written.
type Catalog struct {
	core     *registry.Core
	byName   *lookup.Cache[packageKey, registry.Package]
	byPrefix *lookup.Cache[prefixKey, packageOrGroup]
	byTag    *lookup.Cache[taggedKey, registry.Version]
	byPath   *lookup.Cache[fileKey, registry.File]
	trusted  bool // see Trusted
}

// Trusted returns the catalog for a caller that has checked by itself who may read what: its Reader methods do not.
func (s *Catalog) Trusted() *Catalog {
	t := *s
	t.trusted = true
	return &t
}

// mayRead fails unless the caller may read the repository.
func (s *Catalog) mayRead(ctx context.Context, repository string) error {
	if s.trusted {
		return nil
	}
	_, err := s.core.Authorize(ctx, access.Read, repository)
	return err
}

// New makes the part.
func New(core *registry.Core) *Catalog {
	return &Catalog{
		core:   core,
		byName: lookup.New[packageKey](core.Store, packageBytes, packageSince),
		byPrefix: lookup.New[prefixKey](core.Store, packageOrGroup.bytes,
			func(m metadata.Versioned, p packageOrGroup) uint64 { return p.since(m) }),
		byTag:  lookup.New[taggedKey](core.Store, versionBytes, versionSince),
		byPath: lookup.New[fileKey](core.Store, fileBytes, fileSince),
	}
}
