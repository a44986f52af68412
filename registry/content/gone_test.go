package content_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
)

// TestBlobsOfGoneRepository: another repository of the same name shows no blob of the one that is gone, whichever way it came
// there, and the collector takes them.
func TestBlobsOfGoneRepository(t *testing.T) {
	e := registrytest.New(t)
	name := e.TeamRepository(t)
	registrytest.Must(t, registrytest.ErrOf(e.Core.CreateRepository(e.Admin, "team-b", registry.RepositoryChange{}))) // its leases sort beside those of team
	beside := name
	beside.Repository = "team-b"
	pushed, mounted := digest.FromString("pushed"), digest.FromString("mounted")
	registrytest.Must(t, registrytest.ErrOf(e.Content.PutBlob(e.Admin, name, pushed, strings.NewReader("pushed"), -1)))
	registrytest.Must(t, registrytest.ErrOf(e.Content.PutBlob(e.Admin, beside, mounted, strings.NewReader("mounted"), -1)))
	registrytest.Must(t, registrytest.ErrOf(e.Content.MountBlob(e.Admin, beside, name, mounted)))
	registrytest.Must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	e.TeamRepository(t)
	reader := e.Login(access.Credentials{Token: e.Token("team", access.Read)})
	for _, d := range []digest.Digest{pushed, mounted} {
		for what, ctx := range map[string]context.Context{"reader": reader, "publisher": e.Admin} {
			if _, err := e.Content.Blob(ctx, name, d); registry.KindOf(err) != registry.NotFound || err == nil {
				t.Errorf("%s %s: %v", what, d, err)
			}
		}
		if _, err := e.Content.MountBlob(e.Admin, name, name, d); registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("mount of %s: %v", d, err)
		}
	}
	if _, err := e.Content.Blob(e.Admin, beside, mounted); err != nil {
		t.Error(err)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 1 {
		t.Errorf("collection: %+v", r)
	}
	e.MustFsck(t)
}

// TestUploadIntoGoneRepository: bytes that were on their way to a repository which is replaced meanwhile do not end up in the
// new one.
func TestUploadIntoGoneRepository(t *testing.T) {
	e := registrytest.New(t)
	d := digest.FromString("secret")
	for what, send := range map[string]func(at registry.Name, r io.Reader) error{
		"whole": func(at registry.Name, r io.Reader) error {
			return registrytest.ErrOf(e.Content.PutBlob(e.Admin, at, d, r, -1))
		},
		"upload that comes whole": func(at registry.Name, r io.Reader) error {
			up, err := e.Content.StartUpload(e.Admin, at)
			registrytest.Must(t, err)
			return registrytest.ErrOf(e.Content.FinishUploadWith(e.Admin, at, up.ID, 0, r, d))
		},
		"upload in parts": func(at registry.Name, r io.Reader) error {
			up, err := e.Content.StartUpload(e.Admin, at)
			registrytest.Must(t, err)
			registrytest.Must(t, registrytest.ErrOf(e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader("sec"), -1)))
			rest := io.MultiReader(strings.NewReader("ret"), tail(r))
			return registrytest.ErrOf(e.Content.FinishUploadWith(e.Admin, at, up.ID, 3, rest, d))
		},
	} {
		name := e.TeamRepository(t)
		err := send(name, &doing{strings.NewReader("secret"), func() {
			registrytest.Must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
			e.TeamRepository(t)
		}})
		if registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := e.Content.Blob(e.Admin, name, d); registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s: the new repository has it: %v", what, err)
		}
		registrytest.Must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	}
	e.MustFsck(t)
}

// doing is a body during which something happens once.
type doing struct {
	io.Reader
	do func()
}

func (d *doing) Read(p []byte) (int, error) {
	if d.do != nil {
		d.do()
		d.do = nil
	}
	return d.Reader.Read(p)
}

// tail is a body of no bytes that lets r do what it does.
func tail(r io.Reader) io.Reader { return io.LimitReader(&silent{r}, 1) }

type silent struct{ r io.Reader }

func (s *silent) Read([]byte) (int, error) {
	_, err := s.r.Read(make([]byte, 100))
	if err == nil {
		err = io.EOF
	}
	return 0, err
}

// TestUploadSessionOfGoneRepository: a session goes with its repository, and can't be continued in another one of the name.
func TestUploadSessionOfGoneRepository(t *testing.T) {
	now := time.Now()
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.Now = func() time.Time { return now } }))
	name := e.TeamRepository(t)
	up, err := e.Content.StartUpload(e.Admin, name)
	registrytest.Must(t, err)
	registrytest.Must(t, registrytest.ErrOf(e.Content.AppendUpload(e.Admin, name, up.ID, 0, strings.NewReader("sec"), -1)))
	registrytest.Must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	e.TeamRepository(t)
	if _, err := e.Content.Upload(e.Admin, name, up.ID); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("in the new repository: %v", err)
	}
	if err := e.Metadata.View(t.Context(), func(tx metadata.Tx) error { _, err := tx.Uploads().Upload(up.ID); return err }); !errors.Is(err, metadata.ErrNotExist) {
		t.Errorf("the session's row: %v", err)
	}
	now = now.Add(25 * time.Hour)
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Uploads != 0 || r.Blobs != 1 {
		t.Errorf("a day later: %+v", r)
	}
	e.MustFsck(t)
}
