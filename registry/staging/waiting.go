package staging

import (
	"context"
	"strings"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
)

// Waiting is an area under way, as its owner sees it.
type Waiting struct {
	Publish   string              // the id that the client chose; "": an area of a format, of one version
	Area      string              // the id of an area of a format; "": a publish
	At        registry.Coordinate // the version, of a publish that of its first file
	Files     int
	OwnerID   string // of the actor who sent the files
	Owner     string // its name
	May       bool   // the caller may end it
	CreatedAt time.Time
	UpdatedAt time.Time // when the last file came
	EndsAt    time.Time // when it is dropped, unless another file comes
	For       string    // what it waits for
	VisibleAt time.Time // when it is committed on its own, unless another file comes; zero: never
}

// maxWaiting bounds what Waiting returns.
const maxWaiting = 100

// Waiting returns the areas that the caller has under way, of a user also those of the user's tokens, the least recently changed
// first, at most maxWaiting. Unauthenticated.
func (s *Areas) Waiting(ctx context.Context) ([]Waiting, error) {
	actor := access.From(ctx)
	if actor.Type == access.TypeAnonymous {
		return nil, registry.Errorf(registry.Unauthenticated, registry.AboutRequest, "log in to see what you have staged")
	}
	q := metadata.StagingQuery{Open: true, Owner: actor.ID, Limit: maxWaiting}
	if asUser(actor) {
		q.OwnerUser = actor.UserID
	}
	return s.waitingLike(ctx, q, func(w Waiting) bool { return access.Decide(actor, access.Publish, w.At.Repository) == access.Allow })
}

// AllWaiting is Waiting for the areas of all callers. The caller must audit the instance.
func (s *Areas) AllWaiting(ctx context.Context) ([]Waiting, error) {
	if _, err := s.core.Authorize(ctx, access.Audit, access.Instance); err != nil {
		return nil, err
	}
	return s.waitingLike(ctx, metadata.StagingQuery{Open: true, Limit: maxWaiting}, func(Waiting) bool { return true })
}

// WaitingIn is Waiting for the areas of one repository, to its administrators for those of all callers. NotFound, Denied.
func (s *Areas) WaitingIn(ctx context.Context, repository string) ([]Waiting, error) {
	actor, repo, err := s.mayPublish(ctx, repository)
	if err != nil {
		return nil, err
	}
	q := metadata.StagingQuery{Open: true, In: repo.ID, Limit: maxWaiting}
	if access.Decide(actor, access.Admin, repository) != access.Allow {
		q.Owner = actor.ID
		if asUser(actor) {
			q.OwnerUser = actor.UserID
		}
	}
	return s.waitingLike(ctx, q, func(Waiting) bool { return true })
}

func (s *Areas) waitingLike(ctx context.Context, q metadata.StagingQuery, keep func(Waiting) bool) ([]Waiting, error) {
	var sets []registry.Staging
	if err := s.core.Store.View(ctx, func(tx metadata.Tx) (err error) {
		sets, err = tx.Stagings().Stagings(q)
		return err
	}); err != nil {
		return nil, err
	}
	var out []Waiting
	for _, set := range sets {
		w, err := s.waiting(ctx, set)
		if err != nil {
			return nil, err
		}
		if w.Files > 0 && keep(w) {
			out = append(out, w)
		}
	}
	return out, nil
}

// waiting describes an area; the zero Waiting for one that has ended or has no file.
func (s *Areas) waiting(ctx context.Context, set registry.Staging) (Waiting, error) {
	_, files, err := s.set(ctx, set.ID)
	if err != nil || len(files) == 0 {
		return Waiting{}, ignoreMissing(err)
	}
	_, key := splitRow(set.ID)
	f := files[0]
	w := Waiting{Files: len(files), OwnerID: set.Owner, Owner: s.ownerName(ctx, set.Owner), CreatedAt: set.CreatedAt, UpdatedAt: set.UpdatedAt, EndsAt: set.UpdatedAt.Add(areaTTL)}
	w.At = registry.Name{Repository: key.Repository, Format: f.Format, Package: f.Package, Display: f.Display}.At(f.Version)
	actor := access.From(ctx)
	w.May = access.Decide(actor, access.Publish, key.Repository) == access.Allow && (set.Owner == actor.ID || mayEnd(actor, key.Repository, set))
	if set.Scope == publishScope {
		w.Publish, w.For = strings.TrimPrefix(key.ID, publishScope+"/"), "its commit"
		return w, nil
	}
	w.Area = key.ID
	wait, err := s.wait(ctx, files)
	if w.For = wait.For; wait.After >= 0 {
		w.VisibleAt = set.UpdatedAt.Add(wait.After)
	}
	return w, err
}
