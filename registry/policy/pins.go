package policy

import (
	"context"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
)

// Pinned returns a predicate of what a rule "pin" keeps from eviction in a repository: a version, or bytes alone where pkg is "".
func (p *Policies) Pinned(ctx context.Context, repository registry.Repository) (func(format, pkg, version string, sortKey []byte, d digest.Digest) bool, error) {
	set, err := p.rules(ctx)
	if err != nil {
		return nil, err
	}
	return set.pinned(repository.ID, p.core.Now()), nil
}

// pinned is a predicate of what pins keep in a repository.
func (set *rules) pinned(repositoryID int64, now time.Time) func(format, pkg, version string, sortKey []byte, d digest.Digest) bool {
	var pins []*rule
	for _, r := range slices.Concat(set.server, set.byRepository[repositoryID]) {
		if r.Action == Pin && r.holdsAt(now) {
			pins = append(pins, r)
		}
	}
	return func(format, pkg, version string, sortKey []byte, d digest.Digest) bool {
		s := Subject{Version: version, SortKey: sortKey, Digest: d}
		return slices.ContainsFunc(pins, func(r *rule) bool { return (r.digest != "" || pkg != "" && r.names(format, pkg)) && r.matches(s) })
	}
}

// PinnedIn reads the pins of a database that no server runs on, and returns a predicate of the files from remotes that they keep, by the
// repository. formats are the rules of each format.
func PinnedIn(tx metadata.Tx, formats map[string]registry.Rules) (func(repositoryID int64, f metadata.CachedEntry) bool, error) {
	set, err := (&Policies{core: &registry.Core{Rules: formats}}).read(tx)
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	return func(repositoryID int64, f metadata.CachedEntry) bool {
		return set.pinned(repositoryID, now)(f.Format, f.Key, f.Version.Name, f.Version.SortKey, f.Digest)
	}, nil
}
