package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	"slipway/storage"
	"slipway/storage/mem"
)

// hookedStore lets a test stand before an update, or in its place: nil is without.
type hookedStore struct {
	metadata.Store
	update func(ctx context.Context, fn func(tx metadata.Tx) error) error
}

func (h *hookedStore) Update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if h.update == nil {
		return h.Store.Update(ctx, fn)
	}
	return h.update(ctx, fn)
}

// hook makes another core over the stores of e whose updates a test can stand before.
func hook(t *testing.T, e *registrytest.Env, with func(c *instance.Config)) (*instance.Instance, *hookedStore) {
	t.Helper()
	h := &hookedStore{Store: e.Metadata}
	c := e.Config
	c.Metadata, c.Metrics, c.SignInterval = h, nil, time.Hour
	if with != nil {
		with(&c)
	}
	s, err := instance.Open(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s, h
}

func teamRepository(t *testing.T, e *registrytest.Env) registry.Name {
	t.Helper()
	_, err := e.Core.CreateRepository(e.Admin, "team", registry.RepositoryChange{})
	must(t, err)
	name := e.Name("img")
	name.Repository = "team"
	return name
}

// TestBlobsOfGoneRepository: another repository of the same name shows no blob of the one that is gone, whichever way it came
// there, and the collector takes them.
func TestBlobsOfGoneRepository(t *testing.T) {
	e := registrytest.New(t)
	name := teamRepository(t, e)
	must(t, errOf(e.Core.CreateRepository(e.Admin, "team-b", registry.RepositoryChange{}))) // its leases sort beside those of team
	beside := name
	beside.Repository = "team-b"
	pushed, mounted := digest.FromString("pushed"), digest.FromString("mounted")
	must(t, errOf(e.Content.PutBlob(e.Admin, name, pushed, strings.NewReader("pushed"), -1)))
	must(t, errOf(e.Content.PutBlob(e.Admin, beside, mounted, strings.NewReader("mounted"), -1)))
	must(t, errOf(e.Content.MountBlob(e.Admin, beside, name, mounted)))
	must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	teamRepository(t, e)
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
	if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 1 {
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
		"whole": func(at registry.Name, r io.Reader) error { return errOf(e.Content.PutBlob(e.Admin, at, d, r, -1)) },
		"upload that comes whole": func(at registry.Name, r io.Reader) error {
			up, err := e.Content.StartUpload(e.Admin, at)
			must(t, err)
			return errOf(e.Content.FinishUploadWith(e.Admin, at, up.ID, 0, r, d))
		},
		"upload in parts": func(at registry.Name, r io.Reader) error {
			up, err := e.Content.StartUpload(e.Admin, at)
			must(t, err)
			must(t, errOf(e.Content.AppendUpload(e.Admin, at, up.ID, 0, strings.NewReader("sec"), -1)))
			rest := io.MultiReader(strings.NewReader("ret"), tail(r))
			return errOf(e.Content.FinishUploadWith(e.Admin, at, up.ID, 3, rest, d))
		},
	} {
		name := teamRepository(t, e)
		err := send(name, &doing{strings.NewReader("secret"), func() {
			must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
			teamRepository(t, e)
		}})
		if registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := e.Content.Blob(e.Admin, name, d); registry.KindOf(err) != registry.NotFound || err == nil {
			t.Errorf("%s: the new repository has it: %v", what, err)
		}
		must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
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

// TestUploadSessionOfGoneRepository: a session can't be continued in another repository of the name, and goes with its time.
func TestUploadSessionOfGoneRepository(t *testing.T) {
	now := time.Now()
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) { c.Now = func() time.Time { return now } }))
	name := teamRepository(t, e)
	up, err := e.Content.StartUpload(e.Admin, name)
	must(t, err)
	must(t, errOf(e.Content.AppendUpload(e.Admin, name, up.ID, 0, strings.NewReader("sec"), -1)))
	must(t, e.Maintain.DeleteRepository(e.Admin, "team"))
	teamRepository(t, e)
	if _, err := e.Content.Upload(e.Admin, name, up.ID); registry.KindOf(err) != registry.NotFound || err == nil {
		t.Errorf("in the new repository: %v", err)
	}
	now = now.Add(25 * time.Hour)
	if r := collect(t, e, maintain.CollectOptions{}); r.Uploads != 1 || r.Blobs != 1 {
		t.Errorf("a day later: %+v", r)
	}
	e.MustFsck(t)
}

// TestReadOnFullDisk: a blob can be read where its lease can't be written, and that is told once; who relies on the lease is
// told that there is none.
func TestReadOnFullDisk(t *testing.T) {
	e := registrytest.New(t)
	d := digest.FromString("layer")
	must(t, errOf(e.Content.PutBlob(e.Admin, e.Name("img"), d, strings.NewReader("layer"), -1)))
	var log bytes.Buffer
	s, h := hook(t, e, func(c *instance.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	h.update = func(context.Context, func(metadata.Tx) error) error { return metadata.ErrNoSpace }
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
	h.update = func(ctx context.Context, fn func(metadata.Tx) error) error { // the blob goes between the look and the lease
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
		must(t, errOf(e.Content.PutBlob(e.Admin, at, d, strings.NewReader("layer"), -1)))
		s, h := hook(t, e, nil)
		forget := func() { must(t, s.Content.ForgetBlob(e.Admin, at, d)) }
		look := func() { must(t, errOf(s.Content.Blob(e.Admin, at, d))) }
		first, other, after := forget, look, false
		if between == "a drop before the look has ended" {
			first, other, after = look, forget, true
		}
		h.update = func(ctx context.Context, fn func(metadata.Tx) error) error {
			h.update = nil
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
		must(t, e.Publish("img", "1", "f", "layer"))
		look()
		must(t, e.Publisher.Delete(e.Admin, at.At("1"), ""))
		collect(t, e, maintain.CollectOptions{})
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
	must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error { return errOf(tx.Collection().CondemnOrphan(d, 5)) }))
	s, h := hook(t, e, nil)
	ctx, cancel := context.WithCancel(e.Admin)
	h.update = func(_ context.Context, fn func(metadata.Tx) error) error {
		defer cancel() // while the removal is waited for
		return e.Metadata.Update(context.Background(), fn)
	}
	before := store.n
	_, err := s.Content.PutBlob(ctx, e.Name("img"), d, strings.NewReader("layer"), -1)
	if !errors.Is(err, context.Canceled) || store.n != before {
		t.Errorf("%v after %d looks for the bytes", err, store.n-before)
	}
}

// TestCollectionCutOff: whoever asked for a collection leaves, or a backend fails, amid a removal: the bytes can be published
// again at once, or after the next collection.
func TestCollectionCutOff(t *testing.T) {
	fault := errors.New("it broke")
	for what, c := range map[string]struct {
		cut  func(b *brokenDelete, h *hookedStore, cancel func())
		stop bool // the collection fails, and the next one mends it
	}{
		"the caller leaves after the bytes":  {func(b *brokenDelete, _ *hookedStore, cancel func()) { b.after = cancel }, false},
		"the caller leaves before the bytes": {func(b *brokenDelete, _ *hookedStore, cancel func()) { b.before = cancel }, false},
		"the store fails":                    {func(b *brokenDelete, _ *hookedStore, _ func()) { b.err = fault }, true},
		"the books fail": {func(b *brokenDelete, h *hookedStore, _ func()) {
			b.after = func() { h.update = func(context.Context, func(metadata.Tx) error) error { return fault } }
		}, true},
	} {
		for _, orphan := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, orphan %v", what, orphan), func(t *testing.T) {
				var store storage.Store = mem.New()
				if orphan {
					must(t, errOf(store.Put(t.Context(), strings.NewReader("bytes"), -1)))
					store = &old{Store: store}
				}
				b := &brokenDelete{Store: store}
				e := registrytest.New(t, registrytest.WithBlobs(b))
				s, h := hook(t, e, nil)
				if !orphan {
					must(t, e.Publish("web", "1", "f", "bytes"))
					must(t, e.Publisher.Delete(e.Admin, e.Name("web").At("1"), ""))
				}
				ctx, cancel := context.WithCancel(e.Admin)
				defer cancel()
				c.cut(b, h, cancel)
				if _, err := s.Maintain.Collect(ctx, maintain.CollectOptions{}); c.stop && !errors.Is(err, fault) {
					t.Errorf("collection: %v", err)
				}
				b.before, b.after, b.err, h.update = nil, nil, nil, nil
				if c.stop {
					must(t, errOf(s.Maintain.Collect(e.Admin, maintain.CollectOptions{DryRun: true})))
					if err := e.Publish("web", "2", "f", "bytes"); registry.KindOf(err) != registry.Unavailable {
						t.Errorf("amid the removal: %v", err)
					}
					must(t, errOf(s.Maintain.Collect(e.Admin, maintain.CollectOptions{})))
				}
				must(t, e.Publish("web", "2", "f", "bytes"))
				if !e.Has("web", "2") {
					t.Error("not whole")
				}
				e.MustFsck(t)
			})
		}
	}
}

// brokenDelete is a store whose removals can be cut off.
type brokenDelete struct {
	storage.Store
	before, after func()
	err           error
}

func (b *brokenDelete) Delete(ctx context.Context, d digest.Digest) error {
	if b.before != nil {
		b.before()
	}
	if b.err != nil {
		return b.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.after != nil {
		defer b.after()
	}
	return b.Store.Delete(ctx, d)
}
