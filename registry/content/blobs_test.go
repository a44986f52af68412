package content_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// TestReadOnFullDisk: a blob can be read where its lease can't be written, and that is told once; who relies on the lease is
// told that there is none.
func TestReadOnFullDisk(t *testing.T) {
	e := registrytest.New(t)
	d := digest.FromString("layer")
	registrytest.Must(t, registrytest.ErrOf(e.Content.PutBlob(e.Admin, e.Name("img"), d, strings.NewReader("layer"), -1)))
	var log bytes.Buffer
	s, h := e.Hook(t, func(c *instance.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	h.OnUpdate = func(context.Context, func(metadata.Tx) error) error { return metadata.ErrNoSpace }
	for range 3 {
		b, err := s.Content.Blob(e.Admin, e.Name("img"), d)
		if err != nil || b.Digest != d || b.Size != 5 {
			t.Errorf("%+v, %v", b, err)
		}
	}
	if n := strings.Count(log.String(), "can't be kept"); n != 1 {
		t.Errorf("told %d times: %s", n, &log)
	}
	if _, err := s.Content.StoredBlob(e.Admin, e.Name("img"), d); registry.KindOf(err) != registry.NoSpace {
		t.Errorf("to rely on: %v", err)
	}
	h.OnUpdate = func(ctx context.Context, fn func(metadata.Tx) error) error { // the blob goes between the look and the lease
		e.DropLeases(e.Name("img"))
		return e.Metadata.Update(ctx, fn)
	}
	if _, err := s.Content.Blob(e.Admin, e.Name("img"), d); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("a blob that is gone: %v", err)
	}
}

// TestForgottenLease: a lease that was dropped is not taken for one that was renewed just now, in whichever order the two and
// their ends come.
func TestForgottenLease(t *testing.T) {
	d := digest.FromString("layer")
	for _, between := range []string{"a look before the drop", "a drop before the look has ended"} {
		e := registrytest.New(t)
		at := e.Name("img")
		registrytest.Must(t, registrytest.ErrOf(e.Content.PutBlob(e.Admin, at, d, strings.NewReader("layer"), -1)))
		s, h := e.Hook(t, nil)
		forget := func() { registrytest.Must(t, s.Content.ForgetBlob(e.Admin, at, d)) }
		look := func() { registrytest.Must(t, registrytest.ErrOf(s.Content.Blob(e.Admin, at, d))) }
		first, other, after := forget, look, false
		if between == "a drop before the look has ended" {
			first, other, after = look, forget, true
		}
		h.OnUpdate = func(ctx context.Context, fn func(metadata.Tx) error) error {
			h.OnUpdate = nil
			if !after {
				other()
			}
			err := e.Metadata.Update(ctx, fn)
			if after {
				other()
			}
			return err
		}
		first()
		// The package has the blob again by a version; a publisher looks, and relies on it though that version goes.
		registrytest.Must(t, e.Publish("img", "1", "f", "layer"))
		look()
		registrytest.Must(t, e.Publisher.Delete(e.Admin, at.At("1"), ""))
		e.MustCollect(t, maintain.CollectOptions{})
		if _, err := s.Content.Blob(e.Admin, at, d); err != nil {
			t.Errorf("%s: %v", between, err)
		}
	}
}

// stats counts the looks for bytes.
type stats struct {
	storage.Store
	n int
}

func (s *stats) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	s.n++
	return s.Store.Stat(ctx, d)
}

// TestPutBlobEnds: who waits for the end of a removal waits no longer than the caller.
func TestPutBlobEnds(t *testing.T) {
	store := &stats{Store: mem.New()}
	e := registrytest.New(t, registrytest.WithBlobs(store))
	d := digest.FromString("layer")
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error { return registrytest.ErrOf(tx.Collection().CondemnOrphan(d, 5)) }))
	s, h := e.Hook(t, nil)
	ctx, cancel := context.WithCancel(e.Admin)
	h.OnUpdate = func(_ context.Context, fn func(metadata.Tx) error) error {
		defer cancel() // while the removal is waited for
		return e.Metadata.Update(context.Background(), fn)
	}
	before := store.n
	_, err := s.Content.PutBlob(ctx, e.Name("img"), d, strings.NewReader("layer"), -1)
	if !errors.Is(err, context.Canceled) || store.n != before {
		t.Errorf("%v after %d looks for the bytes", err, store.n-before)
	}
}

// TestS21: a blob exists for the packages that hold it, and for no other, whoever asks and however.
func TestS21(t *testing.T) {
	e := registrytest.New(t)
	if _, err := e.Core.CreateRepository(e.Admin, "secret", registry.RepositoryChange{}); err != nil {
		t.Fatal(err)
	}
	hidden := registry.Name{Repository: "secret", Format: registrytest.Format, Package: "app", Display: "app"}
	d := digest.FromString("layer")
	if _, err := e.Content.PutBlob(e.Admin, hidden, d, strings.NewReader("layer"), -1); err != nil {
		t.Fatal(err)
	}
	mine := e.Name("app")
	caller := e.Login(access.Credentials{Token: e.Token("main", access.Read, access.Publish, access.Delete)})
	for what, fn := range map[string]func() error{
		"look":         func() error { _, err := e.Content.Blob(caller, mine, d); return err },
		"look there":   func() error { _, err := e.Content.Blob(caller, hidden, d); return err },
		"mount":        func() error { _, err := e.Content.MountBlob(caller, hidden, mine, d); return err },
		"mount itself": func() error { _, err := e.Content.MountBlob(caller, mine, mine, d); return err },
		"forget":       func() error { return e.Content.ForgetBlob(caller, mine, d) },
		"link": func() error {
			p, err := e.Publisher.Begin(caller, mine)
			if err != nil {
				return err
			}
			_, err = p.Link(caller, "layer", "", d)
			return err
		},
	} {
		if err := fn(); registry.KindOf(err) != registry.NotFound {
			t.Errorf("%s: %v, want NotFound", what, err)
		}
	}
	if _, err := e.Content.MountBlob(e.Admin, hidden, mine, d); err != nil {
		t.Fatalf("a caller who may read it: %v", err)
	}
	if _, err := e.Content.Blob(caller, mine, d); err != nil {
		t.Errorf("after the mount: %v", err)
	}
}
