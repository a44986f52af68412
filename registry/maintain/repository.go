package maintain

import (
	"context"
	"errors"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// DeleteRepository removes a repository that holds no version, with its staged files and leases, so that a later repository of
// the same name shows none of them. Uploads to it can't be continued, and are dropped when they are too old. NotFound, Denied,
// Conflict.
func (s *Maintainer) DeleteRepository(ctx context.Context, name string) error {
	actor, err := s.core.Authorize(ctx, access.Admin, name)
	if err != nil {
		return err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository(name)
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(name))
		}
		q := metadata.PackageQuery{RepositoryID: r.ID, Limit: registry.MaxPage}
		for {
			pkgs, err := tx.Packages().Packages(q)
			if err != nil {
				return err
			}
			for _, p := range pkgs {
				if p.VersionCount > 0 {
					return registry.Errorf(registry.Conflict, registry.AboutRepository, "repository %q still holds %s package %q; delete its versions first", name, p.Format, p.Name)
				}
			}
			if len(pkgs) < q.Limit {
				break
			}
			last := pkgs[len(pkgs)-1]
			q.AfterFormat, q.AfterKey = last.Format, last.Key
		}
		if err := tx.Stagings().DropStagings(r.ID); err != nil {
			return err
		}
		if err := tx.Leases().DropLeasesBelow(r.Name); err != nil {
			return err
		}
		if err := tx.Repositories().DeleteRepository(r.ID); err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventRepositoryDeleted, "", r.ID, 0, registry.EventData{Repository: r.Name})
		return err
	})
	s.content.ForgetLeases() // also after an error: the commit may have succeeded all the same
	s.staging.Forget()
	return err
}

// RestoreRepository brings the repository back that had a name and was deleted last, with its settings. It comes back as it was
// deleted, without versions; these can be restored one by one as long as their files are kept. NotFound; Conflict: a repository of
// the name is there; Denied.
func (s *Maintainer) RestoreRepository(ctx context.Context, name string) (registry.Repository, error) {
	actor, err := s.core.Authorize(ctx, access.Admin, name)
	if err != nil {
		return registry.Repository{}, err
	}
	var r registry.Repository
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if _, err := tx.Repositories().Repository(name); err == nil {
			return registry.Errorf(registry.Conflict, registry.AboutRepository, "repository %q is there: it was not deleted, or another was made since", name)
		} else if !errors.Is(err, metadata.ErrNotExist) {
			return err
		}
		var deleted time.Time
		var err error
		r, deleted, err = tx.Repositories().DeletedRepository(name)
		if err == nil && deleted.Before(tx.Now().Add(-s.grace.Deleted)) {
			err = metadata.ErrNotExist
		}
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "no repository %q was deleted in the last %s", registry.Clip(name), s.grace.Deleted)
		}
		if err := tx.Repositories().RestoreRepository(r.ID); err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventRepositoryRestored, "", r.ID, 0, registry.EventData{Repository: r.Name})
		return err
	})
	return r, err
}
