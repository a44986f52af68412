package registry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"slipway/metadata"
	"slipway/registry/access"
)

// RepositorySettings are the rules of a repository. Zero values are the defaults.
type RepositorySettings struct {
	// AllowReuse lets a deleted coordinate be published again. Facts count for what they were given for, and the log alone
	// tells what it was before.
	AllowReuse bool `json:"allow_reuse,omitempty"`
	// RawRedeploy lets other bytes be stored under a raw path that exists.
	RawRedeploy bool `json:"raw_redeploy,omitempty"`
	// MavenImmediate shows every file of a Maven deploy when it is stored, instead of all at its end.
	MavenImmediate bool `json:"maven_immediate,omitempty"`
}

// SettingsOf reads the settings of a row that this program wrote.
func SettingsOf(r Repository) RepositorySettings {
	var s RepositorySettings
	_ = json.Unmarshal(r.Settings, &s) // an empty or foreign value is the defaults
	return s
}

// RepositoryChange are the fields to set; nil keeps what is there.
type RepositoryChange struct {
	Description *string
	Upstreams   []string
	// Settings changes those that hold. It is called in the transaction, perhaps again, so that changes at once of different
	// settings all hold.
	Settings func(now *RepositorySettings) error
}

const maxDescriptionBytes = 4096

func (c RepositoryChange) apply(r *Repository) error {
	if c.Description != nil {
		if len(*c.Description) > maxDescriptionBytes {
			return Errorf(Invalid, AboutRepository, "the description is longer than %d bytes", maxDescriptionBytes)
		}
		if !isText(*c.Description) {
			return Errorf(Invalid, AboutRepository, "the description holds control characters")
		}
		r.Description = *c.Description
	}
	if len(c.Upstreams) > 0 {
		return Errorf(Invalid, AboutRepository, "upstreams are not supported by this version of Slipway")
	}
	if c.Settings != nil {
		settings := SettingsOf(*r)
		if err := c.Settings(&settings); err != nil {
			return err
		}
		raw, err := json.Marshal(settings)
		if err != nil {
			return err
		}
		r.Settings = raw
	}
	return nil
}

// CreateRepository makes a repository. It needs to administer the instance. Invalid, AlreadyExists.
func (s *Service) CreateRepository(ctx context.Context, name string, c RepositoryChange) (Repository, error) {
	actor, err := s.authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return Repository{}, err
	}
	if !ValidRepository(name) {
		return Repository{}, Errorf(Invalid, AboutRepository, "%q can't name a repository: lower-case letters, digits and '-', at most 63, starting with a letter or digit", clip(name))
	}
	r := Repository{Name: name}
	if err := c.apply(&r); err != nil {
		return Repository{}, err
	}
	err = s.update(ctx, func(tx metadata.Tx) (err error) {
		if r, err = tx.Repositories().CreateRepository(r); errors.Is(err, metadata.ErrExists) {
			return Errorf(AlreadyExists, AboutRepository, "there is a repository %q already", name)
		} else if err != nil {
			return err
		}
		_, err = appendEntry(tx.Log(), actor, EventRepositoryCreated, "", r.ID, 0, EventData{Repository: r.Name})
		return err
	})
	return r, err
}

// Repository returns one repository. NotFound.
func (s *Service) Repository(ctx context.Context, name string) (Repository, error) {
	if _, err := s.authorize(ctx, access.Read, name); err != nil {
		return Repository{}, err
	}
	return s.repository(ctx, name)
}

// Repositories lists those that the caller may read, by name; next is where to go on, "" at the end.
func (s *Service) Repositories(ctx context.Context, p Page) (out []Repository, next string, err error) {
	actor := access.From(ctx)
	limit := bound(p.Limit)
	err = s.meta.View(ctx, func(tx metadata.Tx) error {
		if _, err := s.readable(tx.Repositories(), actor); err != nil {
			return err
		}
		all, err := allRepositories(tx.Repositories())
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
func (s *Service) UpdateRepository(ctx context.Context, name string, c RepositoryChange) (Repository, error) {
	actor, err := s.authorize(ctx, access.Admin, name)
	if err != nil {
		return Repository{}, err
	}
	var r Repository
	err = s.update(ctx, func(tx metadata.Tx) (err error) {
		if r, err = tx.Repositories().Repository(name); err != nil {
			return missing(err, AboutRepository, "there is no repository %q", clip(name))
		}
		before := r
		if err := c.apply(&r); err != nil {
			return err
		}
		if before.Description == r.Description && string(before.Settings) == string(r.Settings) {
			return nil
		}
		if err := tx.Repositories().UpdateRepository(r); err != nil {
			return err
		}
		_, err = appendEntry(tx.Log(), actor, EventRepositoryChanged, "", r.ID, 0, EventData{Repository: r.Name})
		return err
	})
	return r, err
}

// DeleteRepository removes a repository that holds no version, with what was staged or kept in it: another one of its name
// shows nothing of it. Uploads to it can't be continued, and go with their time. NotFound, Denied, Conflict.
func (s *Service) DeleteRepository(ctx context.Context, name string) error {
	actor, err := s.authorize(ctx, access.Admin, name)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository(name)
		if err != nil {
			return missing(err, AboutRepository, "there is no repository %q", clip(name))
		}
		q := metadata.PackageQuery{RepositoryID: r.ID, Limit: MaxPage}
		for {
			pkgs, err := tx.Packages().Packages(q)
			if err != nil {
				return err
			}
			for _, p := range pkgs {
				if p.VersionCount > 0 {
					return Errorf(Conflict, AboutRepository, "repository %q still holds %s package %q; delete its versions first", name, p.Format, p.Name)
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
		_, err = appendEntry(tx.Log(), actor, EventRepositoryDeleted, "", r.ID, 0, EventData{Repository: r.Name})
		return err
	})
	s.forgetLeases() // also after an error: it may have come with the answer
	s.forgetSets()
	return err
}
