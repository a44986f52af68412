package registry_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/local"
	"slipway/storage/mem"
	"slipway/storage/storagetest"
)

func collect(t *testing.T, e *registrytest.Env, o maintain.CollectOptions) maintain.CollectReport {
	t.Helper()
	r, err := e.Maintain.Collect(e.Admin, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCollect: what a deleted version alone needed goes, what others need stays, and not before the grace period.
func TestCollect(t *testing.T) {
	e := registrytest.New(t)
	for v, content := range map[string]string{"1": "shared", "2": "shared", "3": "own"} {
		if err := e.Publish("web", v, "f", content); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []string{"1", "3"} {
		if err := e.Publisher.Delete(e.Admin, e.Name("web").At(v), ""); err != nil {
			t.Fatal(err)
		}
	}
	if r := collect(t, e, maintain.CollectOptions{Grace: time.Hour}); r.Blobs != 0 {
		t.Errorf("within the grace period: %+v", r)
	}
	if r := collect(t, e, maintain.CollectOptions{DryRun: true}); r.Blobs != 1 || r.Bytes != 3 {
		t.Errorf("dry run: %+v", r)
	}
	if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 1 || r.Bytes != 3 {
		t.Errorf("collection: %+v", r)
	}
	if _, err := e.Blobs.Stat(context.Background(), digest.FromString("own")); err == nil {
		t.Error("the bytes are still there")
	}
	if !e.Has("web", "2") {
		t.Error("a needed blob is gone")
	}
	e.MustFsck(t)
	if err := e.Publish("web", "4", "f", "own"); err != nil {
		t.Errorf("publish of collected bytes: %v", err)
	}
	if !e.Has("web", "4") {
		t.Error("the version is not whole")
	}
	e.MustFsck(t)
}

// TestD4 races publishers of the same bytes with deletions and a collector without grace: whatever is visible is whole.
func TestD4(t *testing.T) {
	store, err := local.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	e := registrytest.New(t, registrytest.WithBlobs(store))
	const workers, rounds = 4, 25
	var publishers, collector sync.WaitGroup
	stop := make(chan struct{})
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{Force: true}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for w := range workers {
		publishers.Go(func() {
			pkg := fmt.Sprintf("p%d", w)
			for i := range rounds {
				v := fmt.Sprint(i)
				// Few contents, so that the same digests come and go all the time.
				err := e.Publish(pkg, v, "f", fmt.Sprint(i%3))
				if err != nil {
					if registry.KindOf(err) != registry.Unavailable {
						t.Error(err)
					}
					continue
				}
				if !e.Has(pkg, v) {
					t.Errorf("%s %s was acknowledged and is not whole", pkg, v)
				}
				if err := e.Publisher.Delete(e.Admin, e.Name(pkg).At(v), ""); err != nil {
					t.Error(err)
				}
			}
			if err := e.Publish(pkg, "last", "f", "0"); err != nil && registry.KindOf(err) != registry.Unavailable {
				t.Error(err)
			}
		})
	}
	publishers.Wait()
	close(stop)
	collector.Wait()
	e.MustFsck(t)
}

// TestD4Republish: after a collection the same bytes are stored again, whatever anybody remembered of them.
func TestD4Republish(t *testing.T) {
	e := registrytest.New(t)
	for i := range 5 {
		v := fmt.Sprint(i)
		if err := e.Publish("web", v, "f", "same"); err != nil {
			t.Fatal(err)
		}
		if !e.Has("web", v) {
			t.Fatal("not whole")
		}
		if err := e.Publisher.Delete(e.Admin, e.Name("web").At(v), ""); err != nil {
			t.Fatal(err)
		}
		if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 1 {
			t.Fatalf("round %d: %+v", i, r)
		}
	}
	e.MustFsck(t)
}

// TestD7: an object deleted under the server's feet is named by fsck with the versions that miss it, and healed by
// publishing the same bytes again.
func TestD7(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1.0.0", "f", "payload"); err != nil {
		t.Fatal(err)
	}
	if err := e.Blobs.Delete(context.Background(), digest.FromString("payload")); err != nil {
		t.Fatal(err)
	}
	var found []string
	sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { found = append(found, f.Detail) })
	if err != nil || sum.Wrong != 1 || !strings.Contains(strings.Join(found, "\n"), "web 1.0.0") {
		t.Errorf("fsck found %d: %v, %v", sum.Wrong, found, err)
	}
	if err := e.Publish("web", "1.0.0", "f", "payload"); err != nil {
		t.Fatal(err)
	}
	if !e.Has("web", "1.0.0") {
		t.Error("publishing again did not heal")
	}
	e.MustFsck(t)
}

// TestD11: bytes of a publish or an upload that is under way survive a collection without grace.
func TestD11(t *testing.T) {
	e := registrytest.New(t)
	ctx := e.Admin
	p, err := e.Publisher.Begin(ctx, e.Name("web"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	if _, err := p.Stage(ctx, content.StageFile{Path: "f"}, strings.NewReader("in flight")); err != nil {
		t.Fatal(err)
	}
	up, err := e.Content.StartUpload(ctx, e.Name("img"))
	if err != nil {
		t.Fatal(err)
	}
	if up, err = e.Content.AppendUpload(ctx, e.Name("img"), up.ID, 0, strings.NewReader("half "), -1); err != nil {
		t.Fatal(err)
	}
	collect(t, e, maintain.CollectOptions{Force: true})
	if up, err = e.Content.AppendUpload(ctx, e.Name("img"), up.ID, up.Offset, strings.NewReader("whole"), -1); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Content.FinishUpload(ctx, e.Name("img"), up.ID, digest.FromString("half whole")); err != nil {
		t.Fatal(err)
	}
	collect(t, e, maintain.CollectOptions{Force: true})
	if _, err := e.Blobs.Stat(ctx, digest.FromString("half whole")); err != nil {
		t.Errorf("a finished upload that no version needs yet: %v", err)
	}
	if _, err := p.Commit(ctx, publish.Release{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	if !e.Has("web", "1") {
		t.Error("not whole")
	}
	e.MustFsck(t)
}

// TestD19: a run that would remove a large part of everything stops before it removes anything.
func TestD19(t *testing.T) {
	e := registrytest.New(t)
	const n = 120
	var files []string
	for i := range n {
		files = append(files, fmt.Sprint(i), fmt.Sprint("content ", i))
	}
	if err := e.Publish("big", "1", files...); err != nil {
		t.Fatal(err)
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("big").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	r, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{})
	if !errors.Is(err, maintain.ErrTooMuch) || r.Blobs != 0 {
		t.Errorf("collection: %+v, %v", r, err)
	}
	count := 0
	for range e.Blobs.List(context.Background(), "") {
		count++
	}
	if count != n {
		t.Errorf("%d blobs are left of %d", count, n)
	}
	if r := collect(t, e, maintain.CollectOptions{Force: true}); r.Blobs != n {
		t.Errorf("forced: %+v", r)
	}
	e.MustFsck(t)
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

// TestD19Orphans: bytes that no row knows count too, as all of them do where the database is new, was restored, or is
// another one's; and some rows with some bytes are too much together.
func TestD19Orphans(t *testing.T) {
	for _, c := range []struct {
		rows, dead, orphans int
		stops               bool
	}{
		{0, 0, 100, false}, {0, 0, 101, true}, {10, 0, 150, true}, {500, 0, 101, false}, {500, 0, 126, true},
		{500, 60, 60, true}, {500, 40, 60, false}, {500, 60, 62, true}, {550, 60, 62, false},
	} {
		store := mem.New()
		e := registrytest.New(t, registrytest.WithBlobs(&old{Store: store}))
		publish := func(pkg string, n int) {
			var files []string
			for i := range n {
				files = append(files, fmt.Sprint(i), fmt.Sprint(pkg, i))
			}
			if n == 0 {
				return
			}
			if err := e.Publish(pkg, "1", files...); err != nil {
				t.Fatal(err)
			}
		}
		publish("kept", c.rows-c.dead)
		publish("dead", c.dead)
		if c.dead > 0 {
			if err := e.Publisher.Delete(e.Admin, e.Name("dead").At("1"), ""); err != nil {
				t.Fatal(err)
			}
		}
		for i := range c.orphans {
			if _, err := store.Put(t.Context(), strings.NewReader(fmt.Sprint("orphan ", i)), -1); err != nil {
				t.Fatal(err)
			}
		}
		r, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{})
		left := 0
		for range store.List(t.Context(), "") {
			left++
		}
		want := c.rows + c.orphans
		if !c.stops {
			want -= c.dead + c.orphans
		}
		if stopped := errors.Is(err, maintain.ErrTooMuch); stopped != c.stops || err != nil && !stopped || left != want {
			t.Errorf("%+v: %+v, %v; %d blobs are left, want %d", c, r, err, left, want)
		}
		if r := collect(t, e, maintain.CollectOptions{Force: true}); c.stops && r.Orphans != int64(c.orphans) {
			t.Errorf("%+v: forced: %+v", c, r)
		}
		e.MustFsck(t)
	}
}

// TestD19Wrong: a store that lists nothing, or can't list, and a database that fails, stop a run before it removes anything.
func TestD19Wrong(t *testing.T) {
	fault := errors.New("the list broke")
	store := &old{Store: mem.New()}
	e := registrytest.New(t, registrytest.WithBlobs(store))
	for _, v := range []string{"1", "2", "3"} {
		if err := e.Publish("web", v); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Publisher.Delete(e.Admin, e.Name("web").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), strings.NewReader("orphan"), -1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		hide bool
		err  error
		want error
	}{{true, nil, maintain.ErrNothingListed}, {false, fault, fault}} {
		store.list = func() (bool, error) { return c.hide, c.err }
		r, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{})
		if !errors.Is(err, c.want) || r.Blobs+r.Orphans+r.Uploads != 0 {
			t.Errorf("%+v: %+v, %v", c, r, err)
		}
		store.list = nil
		if n := len(slices.Collect(maps.Keys(maps.Collect(store.List(t.Context(), ""))))); n != 4 {
			t.Errorf("%+v: %d blobs are left of 4", c, n)
		}
	}
	if r := collect(t, e, maintain.CollectOptions{}); r.Blobs != 1 || r.Orphans != 1 {
		t.Errorf("when it lists again: %+v", r)
	}
	e.MustFsck(t)
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

// TestCollectFaults breaks every backend call of a collection in turn: nothing needed is ever lost, and the next run
// finishes what was cut off.
func TestCollectFaults(t *testing.T) {
	for _, when := range storagetest.Moments {
		for n := 1; ; n++ {
			e := registrytest.New(t, registrytest.FailCall(n, when))
			e.WithoutFaults(func() {
				for _, v := range []string{"1", "2"} {
					if err := e.Publish("web", v, "f", "content "+v); err != nil {
						t.Fatal(err)
					}
				}
				if err := e.Publisher.Delete(e.Admin, e.Name("web").At("1"), ""); err != nil {
					t.Fatal(err)
				}
			})
			_, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{})
			tripped := e.Tripped()
			e.MustFsck(t)
			if !e.Has("web", "2") {
				t.Fatalf("call %d failed %s its effect: a needed blob is gone", n, when)
			}
			if !tripped {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}
}
