package maintain_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage/mem"
)

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
	if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); r.Blobs != n {
		t.Errorf("forced: %+v", r)
	}
	e.MustFsck(t)
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
		if r := e.MustCollect(t, maintain.CollectOptions{Force: true}); c.stops && r.Orphans != int64(c.orphans) {
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
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 1 || r.Orphans != 1 {
		t.Errorf("when it lists again: %+v", r)
	}
	e.MustFsck(t)
}
