package upstreams

import (
	"context"
	"slices"
	"sync"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/catalog"
)

// Who got something of a name from a registry elsewhere is kept for a while, once a day, so that a publish under the name can tell whom it
// concerns.

const (
	useDay   = 24 * time.Hour
	usesKept = 30 * useDay
	maxUses  = 50_000 // remembered, so that each is written once a day
	dropUses = 1000   // of those that are too old, with each write
)

// uses gathers who got which names, until they are written.
type uses struct {
	mu      sync.Mutex
	day     time.Time
	known   map[metadata.NameUse]bool // of the day
	waiting queue[metadata.NameUse]
}

// used notes that the caller got something that came from a remote to the place, and that the name stays with it.
func (s *Upstreams) used(ctx context.Context, f found, from place) {
	if catalog.IsLook(ctx) {
		return
	}
	if f.origin == 0 && f.choice && from.repository.ID != f.asked.ID {
		s.stays(ctx, f, from)
	}
	s.uses.note(s, ctx, metadata.NameUse{RepositoryID: f.asked.ID, Format: f.name.Format, Key: f.name.Package, Caller: access.From(ctx).Text()})
}

// stays notes that readers of the repository got a name from a member that had it already. Where that can't be stored, they got it all the
// same.
func (s *Upstreams) stays(ctx context.Context, f found, from place) {
	err := s.core.Update(access.With(context.WithoutCancel(ctx), access.System()), func(tx metadata.Tx) error {
		id, err := originIn(tx, from.repository.ID, f.name)
		if err != nil || id == 0 {
			return err
		}
		for _, on := range from.repositories() {
			if err := tx.Names().NoteOrigin(metadata.NameOrigin{RepositoryID: on, Format: f.name.Format, Key: f.name.Package, UpstreamID: id}, false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.core.Log.WarnContext(ctx, "where a name came from could not be noted", "repository", f.name.Repository, "package", f.name.Package, "error", err.Error())
	}
}

func (u *uses) note(s *Upstreams, ctx context.Context, use metadata.NameUse) {
	day := s.core.Now().UTC().Truncate(useDay)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.known == nil || !u.day.Equal(day) || len(u.known) >= maxUses {
		u.day, u.known = day, map[metadata.NameUse]bool{}
	}
	if u.known[use] {
		return
	}
	u.known[use] = true
	use.UsedAt = day
	u.waiting.add(ctx, &s.flights, use, s.writeUses)
}

func (s *Upstreams) writeUses(ctx context.Context, list []metadata.NameUse) {
	err := s.core.Update(access.With(ctx, access.System()), func(tx metadata.Tx) error {
		for _, use := range list {
			if err := tx.Names().PutNameUse(use); err != nil {
				return err
			}
		}
		return tx.Names().DropNameUses(s.core.Now().Add(-usesKept-useDay), dropUses)
	})
	if err != nil {
		s.core.Log.WarnContext(ctx, "who got names from upstreams could not be noted", "count", len(list), "error", err.Error())
	}
}

// usedVersion is used for a version, if it came from a remote.
func (s *Upstreams) usedVersion(ctx context.Context, f found, v registry.Version) {
	of := func(src source) bool { return src.pkg.ID == v.PackageID }
	cached := f.everythingCached()
	switch i := slices.IndexFunc(cached, of); {
	case i >= 0:
		s.used(ctx, f, cached[i].place)
	case !slices.ContainsFunc(slices.Concat(f.visible, f.held), of): // it is the first of its name
		s.used(ctx, f, place{repository: f.asked})
	}
}
