package maintain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// TestCollectionCutOff: whoever asked for a collection leaves, or a backend fails, amid a removal: the bytes can be published
// again at once, or after the next collection.
func TestCollectionCutOff(t *testing.T) {
	fault := errors.New("it broke")
	for what, c := range map[string]struct {
		cut  func(b *brokenDelete, h *registrytest.HookedStore, cancel func())
		stop bool // the collection fails, and the next one mends it
	}{
		"the caller leaves after the bytes":  {func(b *brokenDelete, _ *registrytest.HookedStore, cancel func()) { b.after = cancel }, false},
		"the caller leaves before the bytes": {func(b *brokenDelete, _ *registrytest.HookedStore, cancel func()) { b.before = cancel }, false},
		"the store fails":                    {func(b *brokenDelete, _ *registrytest.HookedStore, _ func()) { b.err = fault }, true},
		"the books fail": {func(b *brokenDelete, h *registrytest.HookedStore, _ func()) {
			b.after = func() { h.OnUpdate = func(context.Context, func(metadata.Tx) error) error { return fault } }
		}, true},
	} {
		for _, orphan := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, orphan %v", what, orphan), func(t *testing.T) {
				var store storage.Store = mem.New()
				if orphan {
					registrytest.Must(t, registrytest.ErrOf(store.Put(t.Context(), strings.NewReader("bytes"), -1)))
					store = &old{Store: store}
				}
				b := &brokenDelete{Store: store}
				e := registrytest.New(t, registrytest.WithBlobs(b))
				s, h := e.Hook(t, nil)
				if !orphan {
					registrytest.Must(t, e.Publish("web", "1", "f", "bytes"))
					registrytest.Must(t, e.Publisher.Delete(e.Admin, e.Name("web").At("1"), ""))
				}
				ctx, cancel := context.WithCancel(e.Admin)
				defer cancel()
				c.cut(b, h, cancel)
				if _, err := s.Maintain.Collect(ctx, maintain.CollectOptions{}); c.stop && !errors.Is(err, fault) {
					t.Errorf("collection: %v", err)
				}
				b.before, b.after, b.err, h.OnUpdate = nil, nil, nil, nil
				if c.stop {
					registrytest.Must(t, registrytest.ErrOf(s.Maintain.Collect(e.Admin, maintain.CollectOptions{DryRun: true})))
					if err := e.Publish("web", "2", "f", "bytes"); registry.KindOf(err) != registry.Unavailable {
						t.Errorf("amid the removal: %v", err)
					}
					registrytest.Must(t, registrytest.ErrOf(s.Maintain.Collect(e.Admin, maintain.CollectOptions{})))
				}
				registrytest.Must(t, e.Publish("web", "2", "f", "bytes"))
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

// old is a store whose bytes were all stored long ago, as far as lists and looks tell.
type old struct {
	storage.Store
	list func() (hide bool, err error) // nil: lists are as they should be
}

const longAgo = 48 * time.Hour

func (o *old) Stat(ctx context.Context, d digest.Digest) (storage.Blob, error) {
	b, err := o.Store.Stat(ctx, d)
	b.Modified = b.Modified.Add(-longAgo)
	return b, err
}

func (o *old) List(ctx context.Context, after digest.Digest) iter.Seq2[storage.Blob, error] {
	return func(yield func(storage.Blob, error) bool) {
		hide, fault := false, error(nil)
		if o.list != nil {
			hide, fault = o.list()
		}
		for b, err := range o.Store.List(ctx, after) {
			if hide || fault != nil {
				break
			}
			b.Modified = b.Modified.Add(-longAgo)
			if !yield(b, err) {
				return
			}
		}
		if fault != nil {
			yield(storage.Blob{}, fault)
		}
	}
}

// TestOrphanStoredAnew: bytes that a publish stores while they are about to go as nobody's stay.
func TestOrphanStoredAnew(t *testing.T) {
	store := &old{Store: mem.New()}
	e := registrytest.New(t, registrytest.WithBlobs(store))
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), strings.NewReader("orphan"), -1); err != nil {
		t.Fatal(err)
	}
	listed := maps.Collect(store.List(t.Context(), ""))
	again := &listedBefore{store, listed}
	c := e.Config
	c.Metadata, c.Storage, c.Metrics = e.Metadata, again, nil
	s, err := instance.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	time.Sleep(2 * time.Millisecond)
	if _, err := store.Put(t.Context(), strings.NewReader("orphan"), -1); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Maintain.Collect(e.Admin, maintain.CollectOptions{}); err != nil || r.Orphans != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := store.Stat(t.Context(), digest.FromString("orphan")); err != nil {
		t.Error(err)
	}
}

// listedBefore lists what was there earlier.
type listedBefore struct {
	storage.Store
	listed map[storage.Blob]error
}

func (l *listedBefore) List(context.Context, digest.Digest) iter.Seq2[storage.Blob, error] {
	return maps.All(l.listed)
}
