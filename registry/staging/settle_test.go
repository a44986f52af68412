package staging_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry/access"
	"slipway/registry/content"
	"slipway/registry/instance"
	"slipway/registry/registrytest"
	"slipway/registry/staging"
)

// TestSettle: an area that nobody ends is committed in its owner's name, and not while it still grows.
func TestSettle(t *testing.T) {
	const quiet = 300 * time.Millisecond
	e := registrytest.New(t, withAssemble(quiet))
	owner := e.Login(access.Credentials{Token: e.Token("main", access.Publish)})
	key := staging.Key{Repository: "main", ID: "deploy"}
	slow, finish := waiting{make(chan struct{}), make(chan struct{})}, make(chan error, 1)
	go func() {
		_, err := e.Staging.Add(owner, key, staging.File{At: e.Name("a").At("1"), File: content.StageFile{Path: "slow"}}, slow)
		finish <- err
	}()
	<-slow.begun
	stage(t, e, owner, key, "a", "1")
	time.Sleep(2 * quiet)
	if e.Has("a", "1") {
		t.Fatal("committed while a file was sent")
	}
	close(slow.until)
	if err := <-finish; err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !e.Has("a", "1"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not committed")
		}
	}
	d, err := e.Catalog.VersionDetail(e.Admin, e.Name("a").At("1"))
	if err != nil || len(d.Files) != 2 || d.Version.PublisherID != access.From(owner).ID {
		t.Errorf("%+v, %v", d, err)
	}
	e.MustFsck(t)
}

// waiting is a body that says when it is read, and ends when that is wanted. It is read once.
type waiting struct{ begun, until chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	close(w.begun)
	<-w.until
	return 0, io.EOF
}

// TestSettleAfterRestart: a core that was not told of an area finds it behind any number of others: publishes, also those that
// have ended, and areas that never settle.
func TestSettleAfterRestart(t *testing.T) {
	e := registrytest.New(t, withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		for i := 0; i < 1100 && err == nil; i++ {
			ended := fmt.Sprintf("user:1 main publish/%d", i)
			for _, set := range []metadata.Staging{{ID: ended, Scope: "publish"}, {ID: ended + "-open", Scope: "publish"}, {ID: fmt.Sprint("user:1 main never", i)}} {
				set.RepositoryID, set.Owner = r.ID, "user:1"
				if err == nil {
					_, err = tx.Stagings().TouchStaging(set)
				}
			}
			if err == nil {
				_, err = tx.Stagings().EndStaging(ended, []byte("[]"), 1)
			}
		}
		return err
	}))
	time.Sleep(2 * time.Millisecond) // so that it comes last
	stage(t, e, e.Admin, staging.Key{Repository: "main", ID: "deploy"}, "a", "1")
	var ahead atomic.Int64
	c := e.Config
	c.SettleInterval, c.Metrics = 5*time.Millisecond, nil
	c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s, err := instance.Open(t.Context(), c)
	registrytest.Must(t, err)
	defer s.Close()
	registrytest.Eventually(t, "what was there before", func() bool { return e.Has("a", "1") })
	stage(t, e, e.Admin, staging.Key{Repository: "main", ID: "deploy"}, "a", "2")
	registrytest.Eventually(t, "what another core was told of since", func() bool {
		ahead.Add(int64(time.Minute)) // it searches once a minute
		return e.Has("a", "2")
	})
	e.MustFsck(t)
}

// TestSettleOnFullDisk: an area that can't be committed for want of space is tried again.
func TestSettleOnFullDisk(t *testing.T) {
	e := registrytest.New(t, withAssemble(0), registrytest.With(func(c *instance.Config) { c.SettleInterval = 0 }))
	var ahead atomic.Int64
	_, h := e.Hook(t, func(c *instance.Config) {
		c.SettleInterval = 5 * time.Millisecond
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	var tries atomic.Int64
	h.OnUpdate = func(ctx context.Context, fn func(metadata.Tx) error) error {
		if tries.Add(1) == 1 {
			return metadata.ErrNoSpace
		}
		return e.Metadata.Update(ctx, fn)
	}
	stage(t, e, e.Admin, staging.Key{Repository: "main", ID: "deploy"}, "a", "1")
	ahead.Add(int64(2 * time.Minute)) // it searches
	registrytest.Eventually(t, "a first try", func() bool { return tries.Load() > 0 })
	registrytest.Eventually(t, "settled", func() bool {
		if ahead.Load() < int64(2*time.Minute+40*time.Second) { // less than to the next search
			ahead.Add(int64(50 * time.Millisecond)) // it may not be noted yet when the next one is due
		}
		return e.Has("a", "1")
	})
}
