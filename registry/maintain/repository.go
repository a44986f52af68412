package maintain

import (
	"context"
	"errors"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// clearBatch is how many rows of a deleted repository one transaction drops: other changes wait for it.
const clearBatch = 500

// DeleteRepository removes a repository that holds no version, with its staged files, uploads and leases, so that a later
// repository of the same name shows none of them. The repository is gone with the first transaction, and what it held goes in
// further ones; what an error or a crash leaves goes before the next collection, or before the name is used again. NotFound,
// Denied, Conflict.
func (s *Maintainer) DeleteRepository(ctx context.Context, name string) error {
	actor, err := s.core.Authorize(ctx, access.Admin, name)
	if err != nil {
		return err
	}
	if err := s.core.Clock(); err != nil { // before it is said what must be deleted first, which is refused, too
		return err
	}
	for deleted := false; !deleted; {
		e := emptiness{name: name}
		if err := s.lookEmpty(ctx, &e); err != nil {
			return err
		}
		err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
			if deleted, err = e.holds(tx); err != nil || !deleted {
				return err
			}
			if err := tx.Repositories().DeleteRepository(e.repository.ID); err != nil {
				return err
			}
			_, err = registry.Append(tx.Log(), actor, registry.EventRepositoryDeleted, "", e.repository.ID, 0, registry.EventData{Repository: name})
			return err
		})
		s.forget() // also after an error: the commit may have succeeded all the same
		if err != nil {
			return err
		}
	}
	if err := s.ClearDeleted(ctx, name); err != nil {
		s.core.Log.WarnContext(ctx, "what a deleted repository held is dropped later", "repository", name, "error", err)
	}
	return nil
}

// forget drops what other parts remember of rows that are gone.
func (s *Maintainer) forget() {
	s.content.ForgetLeases()
	s.staging.Forget()
}

// emptiness says that a repository held no version at a moment of the log. The look at its packages takes time, and happens
// outside the transaction that deletes it; that one looks at what has changed since.
type emptiness struct {
	name       string
	repository registry.Repository
	last       int64 // seq of the last log entry of before the look; -1: there was none
}

// lookEmpty looks at every package of a repository, a page at a time. NotFound, Conflict.
func (s *Maintainer) lookEmpty(ctx context.Context, e *emptiness) error {
	q := metadata.PackageQuery{Limit: registry.MaxPage}
	for {
		var pkgs []registry.Package
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			if q.RepositoryID == 0 {
				if e.repository, err = tx.Repositories().Repository(e.name); err != nil {
					return err
				}
				q.RepositoryID = e.repository.ID
				size, err := tx.Log().LogSize()
				if e.last = size - 1; err != nil {
					return err
				}
			}
			pkgs, err = tx.Packages().Packages(q)
			return err
		})
		if err != nil {
			return registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(e.name))
		}
		for _, p := range pkgs {
			if err := e.emptyPackage(p); err != nil {
				return err
			}
		}
		if len(pkgs) < q.Limit {
			return nil
		}
		last := pkgs[len(pkgs)-1]
		q.AfterFormat, q.AfterKey = last.Format, last.Key
	}
}

func (e *emptiness) emptyPackage(p registry.Package) error {
	if p.VersionCount > 0 {
		return registry.Errorf(registry.Conflict, registry.AboutRepository, "repository %q still holds %s package %q; delete its versions first", e.name, p.Format, p.Name)
	}
	return nil
}

// holds reports whether the repository is still the one that was looked at, and empty. false: so much has changed that it is to
// be looked at again. Every version that a package gets is in the log. NotFound, Conflict.
func (e *emptiness) holds(tx metadata.Tx) (bool, error) {
	r, err := tx.Repositories().Repository(e.name)
	if err != nil {
		return false, registry.Missing(err, registry.AboutRepository, "there is no repository %q", registry.Clip(e.name))
	}
	if r.ID != e.repository.ID {
		return false, nil
	}
	since, err := tx.Log().Entries(metadata.EntryQuery{After: e.last, Repositories: []int64{r.ID}, Limit: clearBatch})
	if err != nil || len(since) == clearBatch {
		return false, err
	}
	for _, entry := range since {
		if entry.PackageID == 0 {
			continue
		}
		p, err := tx.Packages().PackageByID(entry.PackageID)
		if err == nil {
			err = e.emptyPackage(p)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// FinishDeletions does what a crash or an error left of deletions that take several transactions, here and in Unfinished.
func (s *Maintainer) FinishDeletions(ctx context.Context) error {
	err := s.ClearDeleted(ctx, "")
	for _, finish := range s.Unfinished {
		if err == nil {
			err = finish(ctx)
		}
	}
	return err
}

// ClearDeleted drops what deleted repositories of a name, of every name for "", still hold: uploads, staged files and leases.
func (s *Maintainer) ClearDeleted(ctx context.Context, name string) error {
	for {
		var r registry.Repository
		err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
			r, err = tx.Repositories().Uncleared(name)
			return err
		})
		if errors.Is(err, metadata.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = s.content.DropUploads(ctx, r.ID)
		}
		if err == nil {
			err = s.clear(ctx, r)
		}
		if err != nil {
			return err
		}
	}
}

// clear drops the staged files and leases of a deleted repository.
func (s *Maintainer) clear(ctx context.Context, r registry.Repository) error {
	defer s.forget()
	for more := true; more; {
		err := s.core.Update(ctx, func(tx metadata.Tx) error {
			dropped, err := tx.Stagings().DropStagings(r.ID, clearBatch)
			if more = dropped == clearBatch; err != nil || more {
				return err
			}
			left := clearBatch - int(dropped)
			leases, err := tx.Leases().DropLeasesBelow(r.Name, left)
			if more = leases == int64(left); err != nil || more {
				return err
			}
			return tx.Repositories().Cleared(r.ID)
		})
		if errors.Is(err, metadata.ErrNotExist) {
			return nil // it was cleared, and restored, meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
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
	err = s.core.UpdateCleared(ctx, name, func(tx metadata.Tx) error {
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
