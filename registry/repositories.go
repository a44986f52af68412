package registry

import (
	"context"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/lookup"
)

// RepositoryChange has the fields to set; a nil field stays as it is.
type RepositoryChange struct {
	Description *string
	// Settings are the values of settings by name, each anything that encodes as its JSON. Other settings stay, so that
	// concurrent changes of different settings all take effect.
	Settings map[string]any
	// Also runs in the transaction of the change, with the repository's row as it is then; nil: nothing does. It notes in the log what it
	// changes.
	Also func(tx metadata.Tx, r Repository) error
}

// also runs the rest of a change.
func (c RepositoryChange) also(tx metadata.Tx, r Repository) error {
	if c.Also == nil {
		return nil
	}
	return c.Also(tx, r)
}

const MaxDescriptionBytes = 4096

// apply writes a change into a row. Invalid.
func (s *Core) apply(c RepositoryChange, r *Repository) error {
	if c.Description != nil {
		if len(*c.Description) > MaxDescriptionBytes {
			return Errorf(Invalid, AboutRepository, "the description is longer than %d bytes", MaxDescriptionBytes)
		}
		if !isText(*c.Description) {
			return Errorf(Invalid, AboutRepository, "the description holds control characters")
		}
		r.Description = *c.Description
	}
	return s.changeSettings(r, c.Settings)
}

// CreateRepository makes a repository. The caller must administer the instance. Invalid, AlreadyExists.
func (s *Core) CreateRepository(ctx context.Context, name string, c RepositoryChange) (Repository, error) {
	actor, err := s.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return Repository{}, err
	}
	if !ValidRepository(name) {
		return Repository{}, Errorf(Invalid, AboutRepository, "%q can't name a repository: lower-case letters, digits and '-', at most 63, starting with a letter or digit", Clip(name))
	}
	r := Repository{Name: name}
	if err := s.apply(c, &r); err != nil {
		return Repository{}, err
	}
	err = s.UpdateCleared(ctx, name, func(tx metadata.Tx) (err error) {
		if r, err = tx.Repositories().CreateRepository(r); errors.Is(err, metadata.ErrExists) {
			return Errorf(AlreadyExists, AboutRepository, "there is a repository %q already", name)
		} else if err != nil {
			return err
		}
		if _, err = Append(tx.Log(), actor, EventRepositoryCreated, "", r.ID, 0, EventData{Repository: r.Name}); err != nil {
			return err
		}
		return c.also(tx, r)
	})
	return r, err
}

// UpdateCleared is Update once no deleted repository of the name holds anything that a repository of this name would show.
func (s *Core) UpdateCleared(ctx context.Context, name string, fn func(tx metadata.Tx) error) error {
	for {
		left := false
		err := s.Update(ctx, func(tx metadata.Tx) error {
			_, err := tx.Repositories().Uncleared(name)
			if left = err == nil; left {
				return nil
			}
			if !errors.Is(err, metadata.ErrNotExist) {
				return err
			}
			return fn(tx)
		})
		if err != nil || !left {
			return err
		}
		if err := s.ClearDeleted(ctx, name); err != nil {
			return err
		}
	}
}

// Repository returns one repository. NotFound.
func (s *Core) Repository(ctx context.Context, name string) (Repository, error) {
	if _, err := s.Authorize(ctx, access.Read, name); err != nil {
		return Repository{}, err
	}
	return s.RepositoryRow(ctx, name)
}

// Repositories lists the repositories that the caller may read, by name; next is where the next page begins, "" at the end.
func (s *Core) Repositories(ctx context.Context, p Page) (out []Repository, next string, err error) {
	actor := access.From(ctx)
	limit := Bound(p.Limit)
	err = s.Store.View(ctx, func(tx metadata.Tx) error {
		if _, err := s.Readable(tx.Repositories(), actor); err != nil {
			return err
		}
		all, err := AllRepositories(tx.Repositories())
		all = slices.DeleteFunc(all, func(r Repository) bool {
			return r.Name <= p.After || access.Decide(actor, access.Read, r.Name) != access.Allow
		})
		if len(all) > limit {
			all, next = all[:limit], all[limit-1].Name
		}
		out = all
		return err
	})
	return out, next, err
}

// UpdateRepository changes a repository. NotFound, Denied, Invalid.
func (s *Core) UpdateRepository(ctx context.Context, name string, c RepositoryChange) (Repository, error) {
	actor, err := s.Authorize(ctx, access.Admin, name)
	if err != nil {
		return Repository{}, err
	}
	var r Repository
	err = s.Update(ctx, func(tx metadata.Tx) (err error) {
		if r, err = tx.Repositories().Repository(name); err != nil {
			return Missing(err, AboutRepository, "there is no repository %q", Clip(name))
		}
		before := r
		if err := s.apply(c, &r); err != nil {
			return err
		}
		if before.Description == r.Description && string(before.Settings) == string(r.Settings) {
			return c.also(tx, r)
		}
		if err := tx.Repositories().UpdateRepository(r); err != nil {
			return err
		}
		if _, err = Append(tx.Log(), actor, EventRepositoryChanged, "", r.ID, 0, EventData{Repository: r.Name}); err != nil {
			return err
		}
		return c.also(tx, r)
	})
	return r, err
}

// Readable returns the ids of the repositories whose records (versions, tags, deployments, events) the caller may see, by the right
// to read or to audit; Unauthenticated if the caller is anonymous and may read none. The list is never nil.
func (s *Core) Readable(repositories metadata.Repositories, actor access.Actor) ([]int64, error) {
	ids := []int64{}
	repos, err := AllRepositories(repositories)
	if err != nil {
		return nil, err
	}
	for _, r := range repos {
		if access.Decide(actor, access.Read, r.Name) == access.Allow || access.Decide(actor, access.Audit, r.Name) == access.Allow {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 && actor.Type == access.TypeAnonymous {
		return nil, Errorf(Unauthenticated, AboutRequest, "log in to see this")
	}
	return ids, nil
}

func AllRepositories(repositories metadata.Repositories) ([]Repository, error) {
	var all []Repository
	p := Page{Limit: MaxPage}
	for {
		rs, err := repositories.Repositories(p)
		all = append(all, rs...)
		if err != nil || len(rs) < p.Limit {
			return slices.Clip(all), err
		}
		p.After = rs[len(rs)-1].Name
	}
}

// RepositoryRow loads a repository's row without asking for rights.
func (s *Core) RepositoryRow(ctx context.Context, name string) (Repository, error) {
	r, err := s.byRepository.Get(name, func() (r Repository, err error) {
		err = s.Store.View(ctx, func(tx metadata.Tx) (err error) {
			r, err = tx.Repositories().Repository(name)
			return err
		})
		return r, err
	})
	if err != nil { // as every request asks
		err = Missing(err, AboutRepository, "there is no repository %q", Clip(name))
	}
	return r, err
}

func repositoryBytes(r Repository) int { return lookup.RecordBytes + len(r.Settings) }

func repositorySince(m metadata.Versioned, _ Repository) uint64 {
	return m.GenerationOf(metadata.RepositoryRows)
}
