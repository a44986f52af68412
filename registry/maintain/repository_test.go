package maintain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
)

// held counts the rows of files under way in a repository.
func held(t *testing.T, e *registrytest.Env, r registry.Repository) (n int) {
	t.Helper()
	registrytest.Must(t, e.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		sets, err := tx.Stagings().Stagings(metadata.StagingQuery{RepositoryID: r.ID})
		n = len(sets)
		for _, s := range sets {
			files, err := tx.Stagings().StagedFiles(s.ID)
			registrytest.Must(t, err)
			n += len(files)
		}
		if err != nil {
			return err
		}
		uploads, err := tx.Uploads().UploadsIn(r.ID, "", 0)
		n += len(uploads)
		if err != nil {
			return err
		}
		b, err := tx.Blobs().BlobList("", 1)
		if err != nil {
			return err
		}
		holders, err := tx.Leases().Holders(b[0].ID, 0)
		n += len(holders)
		return err
	}))
	return n
}

// crowded is the repository "team" with very many rows of files under way.
func crowded(t *testing.T, e *registrytest.Env) registry.Repository {
	t.Helper()
	e.TeamRepository(t)
	var r registry.Repository
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) (err error) {
		if r, err = tx.Repositories().Repository("team"); err != nil {
			return err
		}
		list, err := tx.Blobs().BlobList("", 1)
		if err != nil {
			return err
		}
		b := list[0]
		for i := range 700 {
			id := fmt.Sprintf("user:1 team %d", i/70)
			_, err := tx.Stagings().TouchStaging(metadata.Staging{ID: id, RepositoryID: r.ID, Owner: "user:1", UserID: 1})
			err = errors.Join(err, tx.Stagings().PutStagedFile(metadata.StagedFile{StagingID: id, Format: registrytest.Format, Package: "p", Version: "1", Path: fmt.Sprint(i), Blob: b}),
				tx.Leases().PutLease(metadata.Lease{BlobID: b.ID, Holder: fmt.Sprintf("team/test/%d", i), Until: tx.Now().Add(time.Hour)}))
			if i%100 == 0 {
				err = errors.Join(err, tx.Uploads().CreateUpload(metadata.UploadSession{ID: fmt.Sprintf("%032d", i), RepositoryID: r.ID, Scope: "test/p", Owner: "user:1"}))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return r
}

// TestDeleteCrowdedRepository is K7: the deletion of a repository with very many rows drops a bounded number of them in each
// transaction, and publishes elsewhere go on in between.
func TestDeleteCrowdedRepository(t *testing.T) {
	e := registrytest.New(t)
	registrytest.Must(t, e.Publish("web", "1", "file", "bytes"))
	r := crowded(t, e)
	if n := held(t, e, r); n != 700+10+700+7 {
		t.Fatalf("%d rows", n)
	}
	s, hook := e.Hook(t, nil)
	most, published := 0, 0
	hook.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		before := held(t, e, r)
		err := e.Metadata.Update(ctx, fn)
		most = max(most, before-held(t, e, r))
		published++
		registrytest.Must(t, e.Publish("beside", fmt.Sprint(published), "file", "bytes"))
		return err
	}
	registrytest.Must(t, s.Maintain.DeleteRepository(e.Admin, "team"))
	hook.OnUpdate = nil
	if n := held(t, e, r); n != 0 || most > 500 || published < 4 {
		t.Errorf("%d rows are left; a transaction dropped %d of them; %d publishes in between", n, most, published)
	}
	e.MustFsck(t)
}

// TestDeletionCutOff: what a deletion leaves that was cut off after its first transaction goes with the next start, and before
// the name is used again.
func TestDeletionCutOff(t *testing.T) {
	ends := map[string]func(e *registrytest.Env, s *instance.Instance) error{
		"the next start": func(e *registrytest.Env, s *instance.Instance) error { return s.Duties()[0].First(e.Admin) },
		"a new repository": func(e *registrytest.Env, s *instance.Instance) error {
			return registrytest.ErrOf(s.Core.CreateRepository(e.Admin, "team", registry.RepositoryChange{}))
		},
		"its restoration": func(e *registrytest.Env, s *instance.Instance) error {
			return registrytest.ErrOf(s.Maintain.RestoreRepository(e.Admin, "team"))
		},
	}
	for what, end := range ends {
		e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.DeletedGrace = time.Hour }))
		registrytest.Must(t, e.Publish("web", "1", "file", "bytes"))
		r := crowded(t, e)
		s, hook := e.Hook(t, nil)
		updates := 0
		hook.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
			if updates++; updates > 1 {
				return errors.New("cut off")
			}
			return e.Metadata.Update(ctx, fn)
		}
		registrytest.Must(t, s.Maintain.DeleteRepository(e.Admin, "team"))
		if _, err := e.Core.Repository(e.Admin, "team"); registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s: the repository: %v", what, err)
		}
		if n := held(t, e, r); n < 1000 {
			t.Errorf("%s: %d rows were left", what, n)
		}
		hook.OnUpdate = nil
		registrytest.Must(t, end(e, s))
		if n := held(t, e, r); n != 0 {
			t.Errorf("%s left %d rows", what, n)
		}
		e.MustFsck(t)
	}
}

// TestDeletionBesidePublish: a version that a publish makes after the deletion has looked at the packages keeps the repository.
func TestDeletionBesidePublish(t *testing.T) {
	e := registrytest.New(t)
	name := e.TeamRepository(t)
	s, hook := e.Hook(t, nil)
	hook.OnUpdate = func(ctx context.Context, fn func(tx metadata.Tx) error) error {
		hook.OnUpdate = nil
		p, err := e.Publisher.Begin(e.Admin, name)
		registrytest.Must(t, err)
		defer p.Abort()
		registrytest.Must(t, registrytest.ErrOf(p.Commit(e.Admin, publish.Release{Version: "1", PURL: "pkg:generic/img@1"})))
		return e.Metadata.Update(ctx, fn)
	}
	if err := s.Maintain.DeleteRepository(e.Admin, "team"); registry.KindOf(err) != registry.Conflict || err == nil {
		t.Errorf("deleted beside a publish: %v", err)
	}
	if _, err := e.Core.Repository(e.Admin, "team"); err != nil {
		t.Error(err)
	}
	e.MustFsck(t)
}
