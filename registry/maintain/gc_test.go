package maintain_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/maintain"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/storage/local"
	"slipway/storage/storagetest"
)

// TestD5 races pushes that share layers with deletions and a collector without grace: nothing is dangling.
func TestD5(t *testing.T) {
	e := registrytest.New(t)
	stop := make(chan struct{})
	var collector, pushers sync.WaitGroup
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
	for w := range 10 {
		pushers.Go(func() {
			for i := range 10 {
				pkg := fmt.Sprintf("app%d", w)
				id, err := e.PushImage(pkg, fmt.Sprint("layer ", i%2), "latest")
				if err != nil {
					if registry.KindOf(err) != registry.Unavailable {
						t.Error(err)
					}
					continue
				}
				if !e.Has(pkg, id.String()) {
					t.Errorf("%s %s is not whole", pkg, id)
				}
				if i%3 == 2 {
					if err := e.Publisher.Delete(e.Admin, e.Name(pkg).At(id.String()), ""); err != nil {
						t.Error(err)
					}
					_ = e.Content.ForgetBlob(e.Admin, e.Name(pkg), digest.FromString(fmt.Sprint("layer ", i%2))) // another version may need it
				}
			}
		})
	}
	pushers.Wait()
	close(stop)
	collector.Wait()
	e.MustFsck(t)
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
	if r := e.MustCollect(t, maintain.CollectOptions{Grace: time.Hour}); r.Blobs != 0 {
		t.Errorf("within the grace period: %+v", r)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{DryRun: true}); r.Blobs != 1 || r.Bytes != 3 {
		t.Errorf("dry run: %+v", r)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 1 || r.Bytes != 3 {
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
		if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 1 {
			t.Fatalf("round %d: %+v", i, r)
		}
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
	e.MustCollect(t, maintain.CollectOptions{Force: true})
	if up, err = e.Content.AppendUpload(ctx, e.Name("img"), up.ID, up.Offset, strings.NewReader("whole"), -1); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Content.FinishUpload(ctx, e.Name("img"), up.ID, digest.FromString("half whole")); err != nil {
		t.Fatal(err)
	}
	e.MustCollect(t, maintain.CollectOptions{Force: true})
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
