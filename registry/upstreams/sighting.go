package upstreams

import (
	"context"
	"errors"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Images have no time of publishing that can be trusted, so a minimum age counts from when a tag was seen to name another image than the one
// that was served before. What a tag names when it is first asked for, and what is asked for by its digest alone, is there since ever.

// sighted returns when a tag of a remote first named a version that is not here; zero: no tag that was served before did. moved says that one
// does now. Where nothing depends on the age nothing is noted.
func (s *Upstreams) sighted(ctx context.Context, r *remote, at registry.Name, d digest.Digest, moved bool) (time.Time, error) {
	if s.minimumAge(ctx, r, at) == 0 {
		return time.Time{}, nil
	}
	var seen metadata.Sighting
	find := func(tx metadata.Tx) (err error) {
		seen, err = tx.Caches().Sighting(r.ID, at.Package, d.String())
		return err
	}
	err := s.core.Store.View(ctx, find)
	if errors.Is(err, metadata.ErrNotExist) && moved {
		err = s.core.Update(access.With(context.WithoutCancel(ctx), access.System()), func(tx metadata.Tx) error {
			if err := tx.Caches().NoteSighting(metadata.Sighting{UpstreamID: r.ID, Key: at.Package, Digest: d.String(), SeenAt: s.core.Now()}); err != nil {
				return err
			}
			return find(tx)
		})
	}
	if errors.Is(err, metadata.ErrNotExist) {
		err = nil
	}
	return seen.SeenAt, err
}

// admitImage asks the policy about a version of a remote that is not here, and returns since when it counts as there; zero: since ever.
// Blocked.
func (s *Upstreams) admitImage(ctx context.Context, r *remote, at registry.Name, d digest.Digest, moved bool) (time.Time, error) {
	seen, err := s.sighted(ctx, r, at, d, moved)
	if err != nil {
		return seen, err
	}
	return seen, s.admit(ctx, Candidate{At: at.At(d.String()), Repositories: r.way, Remote: r.Upstream, FirstSeenAt: seen, Digest: d, Known: !seen.IsZero()})
}
