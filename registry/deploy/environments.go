package deploy

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"slipway/internal/lazyregexp"
	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// maxServices bounds the services of one environment, as its state is answered whole.
const maxServices = 1000

var (
	environmentName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	serviceName     = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$`)
)

// EnvironmentChange has the fields to set; a nil field stays as it is.
type EnvironmentChange struct {
	Description *string `json:"description"`
	Tag         *string `json:"tag"`   // the versions that it points to are wanted in the environment; "" for none
	Owner       *string `json:"owner"` // name of the user who decides who may deploy there; "" for none, so that all may who may deploy at all
}

// apply writes a change into a row. Invalid, NotFound.
func (c EnvironmentChange) apply(tx metadata.Tx, actor access.Actor, e *registry.Environment) error {
	if c.Description != nil {
		if len(*c.Description) > registry.MaxDescriptionBytes {
			return registry.Errorf(registry.Invalid, registry.AboutEnvironment, "the description is longer than %d bytes", registry.MaxDescriptionBytes)
		}
		e.Description = *c.Description
	}
	if c.Tag != nil {
		if *c.Tag != "" {
			if err := registry.CheckTag(*c.Tag); err != nil {
				return err
			}
		}
		e.Tag = *c.Tag
	}
	if c.Owner == nil || *c.Owner == e.Owner {
		return nil
	}
	e.OwnerID, e.Owner = 0, ""
	if *c.Owner == "" {
		return nil
	}
	u, err := tx.Users().User(*c.Owner)
	if err != nil || !u.DeletedAt.IsZero() {
		return registry.Missing(cmp.Or(err, error(metadata.ErrNotExist)), registry.AboutUser, "there is no user %q", registry.Clip(*c.Owner))
	}
	e.OwnerID, e.Owner = u.ID, u.Name
	return roomToOwn(tx, actor, u.ID)
}

// CreateEnvironment makes an environment that the caller owns, or brings a deleted one back. It needs the right to deploy in some
// repository, and for a token that has permissions on environments one that names it. Invalid, AlreadyExists, Denied, Conflict.
func (s *Records) CreateEnvironment(ctx context.Context, name string, c EnvironmentChange) (registry.Environment, error) {
	actor := access.From(ctx)
	var out registry.Environment
	err := s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.mayDeploy(tx.Repositories(), actor); err != nil {
			return err
		}
		e, err := tx.Environments().Environment(name)
		switch {
		case err == nil && !e.Deleted:
			return registry.Errorf(registry.AlreadyExists, registry.AboutEnvironment, "there is an environment %q already", name)
		case err != nil && !errors.Is(err, metadata.ErrNotExist):
			return err
		}
		out, err = makeEnvironment(tx, actor, name, c)
		return err
	})
	return out, err
}

func makeEnvironment(tx metadata.Tx, actor access.Actor, name string, c EnvironmentChange) (registry.Environment, error) {
	if !environmentName.MatchString(name) {
		return registry.Environment{}, registry.Errorf(registry.Invalid, registry.AboutEnvironment, "%q can't name an environment: letters, digits, '.', '_', '-', at most 63, starting with a letter or digit", registry.Clip(name))
	}
	e := registry.Environment{Name: name, OwnerID: actor.UserID, Owner: actor.Name}
	if err := consents(actor, e); err != nil { // its maker owns it, and still a token may name other environments
		return registry.Environment{}, err
	}
	if err := roomToOwn(tx, actor, e.OwnerID); err != nil {
		return registry.Environment{}, err
	}
	if err := c.apply(tx, actor, &e); err != nil {
		return registry.Environment{}, err
	}
	if err := bindsOwn(tx, actor, e); err != nil {
		return registry.Environment{}, err
	}
	return putEnvironment(tx, actor, registry.EventEnvironmentCreated, e)
}

// putEnvironment stores the new state of an environment, with its log entry.
func putEnvironment(tx metadata.Tx, actor access.Actor, kind registry.EventType, e registry.Environment) (registry.Environment, error) {
	data := registry.EventData{Tag: e.Tag}
	data.Environment, data.Owner = e.Name, e.Owner
	entry, err := registry.Append(tx.Log(), actor, kind, "", 0, 0, data)
	if err != nil {
		return registry.Environment{}, err
	}
	e.Seq = entry.Seq
	return tx.Environments().PutEnvironment(e)
}

// mayDeploy checks that the caller may deploy in some repository.
func (s *Records) mayDeploy(repositories metadata.Repositories, actor access.Actor) error {
	if access.Decide(actor, access.Deploy, access.Instance) == access.Allow {
		return nil // also where the repository is not made yet, or deleted
	}
	repos, err := registry.AllRepositories(repositories)
	if err != nil {
		return err
	}
	for _, r := range repos {
		if access.Decide(actor, access.Deploy, r.Name) == access.Allow {
			return nil
		}
	}
	if actor.Type == access.TypeAnonymous {
		return registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to deploy")
	}
	return registry.Errorf(registry.Denied, registry.AboutEnvironment, "this needs the right %q in some repository", access.Deploy)
}

// environment loads an environment that is not deleted.
func environment(environments metadata.Environments, name string) (registry.Environment, error) {
	e, err := environments.Environment(name)
	if err == nil && e.Deleted {
		err = metadata.ErrNotExist
	}
	return e, registry.Missing(err, registry.AboutEnvironment, "there is no environment %q", registry.Clip(name))
}

// Environments lists the environments, by name. Every caller who may read some repository sees their names; the versions that
// run in them are shown only to callers who may read the version's repository. At a past moment it lists those that there were then.
func (s *Records) Environments(ctx context.Context, p registry.Page, when registry.AsOf) ([]registry.Environment, error) {
	p.Limit = registry.Bound(p.Limit)
	when, err := s.core.SettleUntil(ctx, when)
	if err != nil {
		return nil, err
	}
	var out []registry.Environment
	err = s.core.Store.View(ctx, func(tx metadata.Tx) error {
		if _, err := s.seen(ctx, tx.Repositories()); err != nil {
			return err
		}
		if when.IsNow() {
			out, err = tx.Environments().Environments(p)
			return err
		}
		seq, err := moment(tx.Log(), when)
		if err != nil {
			return err
		}
		out, err = tx.Environments().EnvironmentsAt(p, seq)
		return err
	})
	return out, err
}

// seen returns the repositories whose deployments the caller sees: those that it may read. nil, for a caller who may audit the
// instance, means all repositories, deleted ones too.
func (s *Records) seen(ctx context.Context, repositories metadata.Repositories) ([]int64, error) {
	actor := access.From(ctx)
	if access.Decide(actor, access.Audit, access.Instance) == access.Allow {
		return nil, nil
	}
	return s.core.Readable(repositories, actor)
}

// mayAsk refuses a caller who could change no environment at all, before the answer could tell which there are.
func (s *Records) mayAsk(tx metadata.Tx, a access.Actor, name string) error {
	if access.DecideEnvironment(a, access.Admin, name) == access.Allow {
		return nil
	}
	return s.mayDeploy(tx.Repositories(), a)
}

// UpdateEnvironment changes an environment. The caller owns it, or administers it or the instance. NotFound, Denied, Invalid,
// Conflict.
func (s *Records) UpdateEnvironment(ctx context.Context, name string, c EnvironmentChange) (registry.Environment, error) {
	actor := access.From(ctx)
	var e registry.Environment
	err := s.core.Update(ctx, func(tx metadata.Tx) (err error) {
		if err := s.mayAsk(tx, actor, name); err != nil {
			return err
		}
		if e, err = environment(tx.Environments(), name); err != nil {
			return err
		}
		if err := governs(actor, e); err != nil {
			return err
		}
		before := e
		if err := c.apply(tx, actor, &e); err != nil || e == before {
			return err
		}
		if e.Tag != before.Tag || e.OwnerID != before.OwnerID {
			if err := bindsOwn(tx, actor, e); err != nil {
				return err
			}
		}
		e, err = putEnvironment(tx, actor, registry.EventEnvironmentChanged, e)
		return err
	})
	return e, err
}

// endedAtOnce is how many deployments and runs of an environment end in one transaction: other changes wait for it.
const endedAtOnce = 250

// DeleteEnvironment ends an environment, its runs, and its queued and running deployments. Its past can still be read. The
// caller owns it, or administers it or the instance. What is under way ends in several transactions if it is much, and the
// environment in the last one. NotFound, Denied.
func (s *Records) DeleteEnvironment(ctx context.Context, name string) error {
	actor := access.From(ctx)
	for more := true; more; {
		if err := s.core.Update(ctx, func(tx metadata.Tx) error {
			if err := s.mayAsk(tx, actor, name); err != nil {
				return err
			}
			e, err := environment(tx.Environments(), name)
			if err != nil {
				return err
			}
			if err := governs(actor, e); err != nil {
				return err
			}
			ended, err := (&deploying{tx: tx, actor: actor}).endSome(e)
			if more = ended == endedAtOnce; err != nil || more {
				return err
			}
			e.Deleted = true
			_, err = putEnvironment(tx, actor, registry.EventEnvironmentDeleted, e)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// StopService records that a service runs nothing any more, so that its version can be deleted. It needs the right to deploy
// in the repository of that version, and the environment's consent. NotFound: the service runs nothing. Denied also for a caller who may deploy nowhere,
// whether the service exists or not.
func (s *Records) StopService(ctx context.Context, name, service string) error {
	actor := access.From(ctx)
	return s.core.Update(ctx, func(tx metadata.Tx) error {
		if err := s.mayDeploy(tx.Repositories(), actor); err != nil {
			return err
		}
		e, err := environment(tx.Environments(), name)
		if err != nil {
			return err
		}
		r, err := tx.Runs().Running(e.ID, service)
		nothing := registry.Errorf(registry.NotFound, registry.AboutService, "nothing runs as %q in environment %q", registry.Clip(service), name)
		if errors.Is(err, metadata.ErrNotExist) {
			return nothing
		}
		if err != nil {
			return err
		}
		if err := s.mayChange(ctx, tx.Repositories(), r.Deployment, nothing); err != nil {
			return err
		}
		if err := consents(actor, e); err != nil {
			return err
		}
		return (&deploying{tx: tx, actor: actor}).stop(r)
	})
}

// mayChange checks the right to deploy in a deployment's repository; hidden is the error for a caller who may not know of the
// deployment.
func (s *Records) mayChange(ctx context.Context, repositories metadata.Repositories, d registry.Deployment, hidden error) error {
	repo, err := repositories.Repository(d.Repository)
	if errors.Is(err, metadata.ErrNotExist) || err == nil && repo.ID != d.RepositoryID {
		// The repository is deleted; another one may have its name by now.
		_, err = s.core.Authorize(ctx, access.Admin, access.Instance)
		return err
	}
	if err != nil {
		return err
	}
	if _, err = s.core.Authorize(ctx, access.Deploy, d.Repository); registry.KindOf(err) == registry.NotFound && err != nil {
		return hidden
	}
	return err
}

// checkService says why s can't name a service. Invalid.
func checkService(s string) error {
	if !serviceName.MatchString(s) || strings.Contains(s, "//") {
		return registry.Errorf(registry.Invalid, registry.AboutService, "%q can't name a service: letters, digits, '.', '_', '-' and '/' between them, at most 128", registry.Clip(s))
	}
	return nil
}
