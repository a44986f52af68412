package instance_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/publish"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// whole takes every set for whole at once.
type whole struct{}

func (whole) Assemble(_ context.Context, a staging.Assembly) (publish.Release, error) {
	return publish.Release{Version: a.At.Version, PURL: "pkg:generic/" + a.At.Package + "@" + a.At.Version, SortKey: []byte(a.At.Version)}, nil
}

func (whole) Settle(context.Context, staging.Opener, []registry.StagedFile) (staging.Wait, error) {
	return staging.Wait{}, nil
}

func (whole) PURL(at registry.Coordinate) string {
	return "pkg:generic/" + at.Package + "@" + at.Version
}

// counted counts the updates that were made.
type counted struct {
	metadata.Store
	updates *atomic.Int32
}

func (c counted) Update(ctx context.Context, fn func(tx metadata.Tx) error, hints ...metadata.Hint) error {
	err := c.Store.Update(ctx, fn, hints...)
	if err == nil {
		c.updates.Add(1)
	}
	return err
}

// scene is an instance that runs nothing, over a database in which every duty has work, and the number of its updates.
func scene(t *testing.T) (*registrytest.Env, *instance.Instance, *atomic.Int32) {
	t.Helper()
	e := registrytest.New(t, registrytest.With(func(c *instance.Config) {
		c.Assemblers = map[string]staging.Assembler{registrytest.Format: whole{}}
		c.SignInterval = time.Hour
	}))
	_, err := e.Staging.Add(e.Admin, staging.Key{Repository: registry.DefaultRepository, ID: "set", Scope: "test"},
		staging.File{At: e.Name("staged").At("1"), File: content.StageFile{Path: "file"}}, strings.NewReader("staged"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bytes := range []string{"cut off", "unused"} {
		if _, err := e.Blobs.Put(t.Context(), strings.NewReader(bytes), -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		_, err := tx.Collection().CondemnOrphan(digest.FromString("cut off"), 7)
		_, put := tx.Blobs().PutBlob(metadata.Blob{Digest: digest.FromString("unused"), Size: 6})
		return errors.Join(err, put)
	}); err != nil {
		t.Fatal(err)
	}
	c := e.Config
	updates := new(atomic.Int32)
	c.Metadata = counted{e.Metadata, updates}
	c.Metrics, c.SignInterval, c.SettleInterval, c.GCInterval = nil, time.Millisecond, time.Millisecond, 5*time.Millisecond
	s, err := instance.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return e, s, updates
}

func pending(t *testing.T, e *registrytest.Env) int {
	t.Helper()
	var list []metadata.Collected
	if err := e.Metadata.View(t.Context(), func(tx metadata.Tx) (err error) {
		list, err = tx.Collection().CollectedPending()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func unsigned(t *testing.T, e *registrytest.Env) bool {
	t.Helper()
	var behind bool
	if err := e.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		size, err := tx.Log().LogSize()
		if err != nil {
			return err
		}
		c, err := tx.Log().Checkpoint()
		behind = c.Size < size
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return behind
}

// TestDuties: New starts nothing; the first steps finish a removal and sign the log, and the work does the rest.
func TestDuties(t *testing.T) {
	e, s, updates := scene(t)
	time.Sleep(50 * time.Millisecond)
	if n := updates.Load(); n != 0 {
		t.Errorf("%d updates by an instance that was not started", n)
	}
	if pending(t, e) != 1 || !unsigned(t, e) {
		t.Fatal("there is nothing to do")
	}
	var names []string
	for _, d := range s.Duties() {
		names = append(names, d.Name)
		if d.First != nil {
			if err := d.First(t.Context()); err != nil {
				t.Errorf("%s: %v", d.Name, err)
			}
		}
	}
	if !reflect.DeepEqual(names, []string{instance.Collect, instance.Sign, instance.Expire, instance.Evict, instance.Count, instance.Index, instance.Settle}) {
		t.Errorf("duties %v", names)
	}
	if pending(t, e) != 0 || unsigned(t, e) {
		t.Error("the first steps left something undone")
	}
	work(t, s, t.Context(), func() bool {
		_, err := e.Blobs.Stat(t.Context(), digest.FromString("unused"))
		return err != nil && e.Has("staged", "1") && !unsigned(t, e)
	})
}

// work lets the duties of s work until done.
func work(t *testing.T, s *instance.Instance, ctx context.Context, done func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	for _, d := range s.Duties() {
		go func() {
			if d.Name == instance.Sign { // which waits for the log that its first step saw
				_ = d.First(ctx)
			}
			ended <- d.Do(ctx)
		}()
	}
	for n := 0; !done(); n++ {
		if n == 1000 {
			t.Error("the work was not done")
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	for range s.Duties() {
		<-ended
	}
}

// TestLostDuties: a process that has lost its duties and does not know it changes nothing in the database, and removes no bytes
// that were not condemned before.
func TestLostDuties(t *testing.T) {
	e, s, updates := scene(t)
	var refused atomic.Int32
	lost := registry.Guarded(t.Context(), func(metadata.Duties) error {
		refused.Add(1)
		return metadata.ErrDutyLost
	})
	for _, d := range s.Duties() {
		if d.First == nil {
			continue
		}
		if err := d.First(lost); !errors.Is(err, metadata.ErrDutyLost) {
			t.Errorf("first step of %s: %v", d.Name, err)
		}
	}
	tried := 0 // looks; five times a write of another place is refused
	work(t, s, lost, func() bool { tried++; return tried > 20 && refused.Load() >= 5 })
	if n := updates.Load(); n != 0 {
		t.Errorf("%d updates", n)
	}
	if pending(t, e) != 1 || !unsigned(t, e) || e.Has("staged", "1") {
		t.Error("work was done")
	}
	if _, err := e.Blobs.Stat(t.Context(), digest.FromString("unused")); err != nil {
		t.Error(err)
	}
}
