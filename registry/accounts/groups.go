package accounts

import (
	"context"
	"errors"
	"slices"

	"slipway/internal/lazyregexp"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// groupName is the grammar of the names of groups and roles.
var groupName = lazyregexp.New(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// maxMembers bounds the members of one group, as they are answered whole.
const maxMembers = 1000

// Group is a group with the names of its members.
type Group struct {
	metadata.Group
	Members []string
}

// GroupChange has the fields to set; a nil field stays as it is.
type GroupChange struct {
	Description *string
	Grants      []access.Grant // nil keeps
	Members     []string       // nil keeps; else all of them
	// AddMembers and RemoveMembers change some, so that concurrent changes of different members all take effect.
	AddMembers, RemoveMembers []string
}

func group(groups metadata.Groups, name string) (metadata.Group, error) {
	g, err := groups.Group(name)
	return g, registry.Missing(err, registry.AboutGroup, "there is no group %q", registry.Clip(name))
}

// CreateGroup makes a group. The caller must administer the instance. Invalid, AlreadyExists, NotFound: a member is no user.
func (s *Accounts) CreateGroup(ctx context.Context, name string, c GroupChange) (Group, error) {
	if !groupName.MatchString(name) {
		if _, err := s.core.Authorize(ctx, access.Admin, access.Instance); err != nil {
			return Group{}, err
		}
		return Group{}, registry.Errorf(registry.Invalid, registry.AboutGroup, "%q can't name a group: lower-case letters, digits, '.', '_', '-', at most 63", registry.Clip(name))
	}
	return s.putGroup(ctx, registry.EventGroupCreated, c, func(groups metadata.Groups) (metadata.Group, error) {
		g, err := groups.CreateGroup(metadata.Group{Name: name})
		if errors.Is(err, metadata.ErrExists) {
			err = registry.Errorf(registry.AlreadyExists, registry.AboutGroup, "there is a group %q already", name)
		}
		return g, err
	})
}

// UpdateGroup changes a group. The caller must administer the instance. Invalid, NotFound, Conflict.
func (s *Accounts) UpdateGroup(ctx context.Context, name string, c GroupChange) (Group, error) {
	return s.putGroup(ctx, registry.EventGroupChanged, c, func(groups metadata.Groups) (metadata.Group, error) { return group(groups, name) })
}

// putGroup changes the group that find returns.
func (s *Accounts) putGroup(ctx context.Context, kind registry.EventType, c GroupChange, find func(metadata.Groups) (metadata.Group, error)) (Group, error) {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return Group{}, err
	}
	if c.Description != nil && (len(*c.Description) > registry.MaxDescriptionBytes || !registry.IsLine(*c.Description)) {
		return Group{}, registry.Errorf(registry.Invalid, registry.AboutGroup, "a description is a line of at most %d bytes", registry.MaxDescriptionBytes)
	}
	var out Group
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.administrator(tx, actor); err != nil {
			return err
		}
		if err := handsOut(tx, actor, registry.AboutGroup, c.Grants); err != nil {
			return err
		}
		return keepingAdministrator(tx, func() (err error) {
			if out.Group, err = find(tx.Groups()); err != nil {
				return err
			}
			if c.Description != nil {
				out.Description = *c.Description
			}
			if c.Grants != nil {
				out.Grants = access.Stored(c.Grants)
			}
			if err := tx.Groups().UpdateGroup(out.Group); err != nil {
				return err
			}
			if out.Members, err = setMembers(tx, out.Group, c); err != nil {
				return err
			}
			_, err = registry.Append(tx.Log(), actor, kind, "", 0, 0, registry.EventData{Name: out.Name, Permissions: out.Grants, Members: out.Members})
			return err
		})
	})
	s.auth.Forget()
	return out, err
}

// setMembers changes the members of a group, and returns them.
func setMembers(tx metadata.Tx, g metadata.Group, c GroupChange) ([]string, error) {
	before, err := tx.Groups().Members(g.ID)
	if err != nil {
		return nil, err
	}
	add, remove := c.AddMembers, c.RemoveMembers
	if c.Members != nil {
		add, remove = append(slices.Clone(add), c.Members...), slices.Clone(remove)
		for _, m := range before {
			if !slices.Contains(c.Members, m) {
				remove = append(remove, m)
			}
		}
	}
	for i, name := range append(slices.Clone(add), remove...) {
		u, err := existing(tx.Users(), name)
		if err != nil {
			return nil, err
		}
		if i < len(add) {
			err = tx.Groups().AddMember(g.ID, u.ID)
		} else if err = tx.Groups().RemoveMember(g.ID, u.ID); errors.Is(err, metadata.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	after, err := tx.Groups().Members(g.ID)
	if err == nil && len(after) > maxMembers {
		err = registry.Errorf(registry.Conflict, registry.AboutGroup, "a group has at most %d members", maxMembers)
	}
	return after, err
}

// DeleteGroup deletes a group; its members stay. The caller must administer the instance. NotFound, Conflict.
func (s *Accounts) DeleteGroup(ctx context.Context, name string) error {
	actor, err := s.core.Authorize(ctx, access.Admin, access.Instance)
	if err != nil {
		return err
	}
	err = s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.administrator(tx, actor); err != nil {
			return err
		}
		g, err := group(tx.Groups(), name)
		if err != nil {
			return err
		}
		if err := keepingAdministrator(tx, func() error { return tx.Groups().DeleteGroup(g.ID) }); err != nil {
			return err
		}
		_, err = registry.Append(tx.Log(), actor, registry.EventGroupDeleted, "", 0, 0, registry.EventData{Name: name})
		return err
	})
	s.auth.Forget()
	return err
}

// Groups lists groups by name, with their members. The caller must administer or audit the instance.
func (s *Accounts) Groups(ctx context.Context, p registry.Page) ([]Group, error) {
	return listed(ctx, s, p, func(tx metadata.Tx, p registry.Page) ([]metadata.Group, error) { return tx.Groups().Groups(p) }, groupDetail)
}

func groupDetail(tx metadata.Tx, g metadata.Group) (out Group, err error) {
	out.Group = g
	out.Members, err = tx.Groups().Members(g.ID)
	return out, err
}

// listed returns a page of rows, each with what detail reads for it. The caller must administer or audit the instance.
func listed[R, D any](ctx context.Context, s *Accounts, p registry.Page, rows func(metadata.Tx, registry.Page) ([]R, error), detail func(metadata.Tx, R) (D, error)) ([]D, error) {
	if err := s.mayList(ctx); err != nil {
		return nil, err
	}
	p.Limit = registry.Bound(p.Limit)
	var out []D
	err := s.core.Store.View(ctx, func(tx metadata.Tx) error {
		page, err := rows(tx, p)
		out = make([]D, len(page))
		for i := 0; i < len(page) && err == nil; i++ {
			out[i], err = detail(tx, page[i])
		}
		return err
	})
	return out, err
}

// Group returns a group. The caller must administer or audit the instance. NotFound.
func (s *Accounts) Group(ctx context.Context, name string) (Group, error) {
	if err := s.mayList(ctx); err != nil {
		return Group{}, err
	}
	var out Group
	err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		if out.Group, err = group(tx.Groups(), name); err != nil {
			return err
		}
		out.Members, err = tx.Groups().Members(out.ID)
		return err
	})
	return out, err
}
