package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/backup"
	"slipway/registry/maintain"
	"slipway/storage"
	"slipway/storage/local"
	"slipway/storage/storagetest"
)

// TestBackup: a second backup copies only new blobs, and each snapshot restores the state of its time.
func TestBackup(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one", "g", "shared")
	first := s.backup(0)
	if first.Blobs != 2 || first.Copied != 2 || first.Bytes != 9 || first.CopiedBytes != 9 || len(first.Lost) != 0 {
		t.Errorf("first: %+v", first)
	}
	s.publish("app", "2", "f", "two", "g", "shared")
	if err := s.Publisher.Delete(s.Admin, s.Name("app").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	second := s.backup(0)
	if second.Blobs != 3 || second.Copied != 1 || second.CopiedBytes != 3 {
		t.Errorf("second: %+v", second)
	}
	old, now := s.restored(first.Snapshot), s.restored(second.Snapshot)
	if !s.has(old, "app", "1") || s.has(old, "app", "2") {
		t.Error("the first snapshot is not what was there then")
	}
	if s.has(now, "app", "1") || !s.has(now, "app", "2") {
		t.Error("the second snapshot is not what was there then")
	}
	for _, c := range []struct {
		at   time.Time
		want string
	}{{time.Time{}, second.Name}, {second.Taken, second.Name}, {second.Taken.Add(-time.Nanosecond), first.Name}, {first.Taken.Add(-time.Nanosecond), ""}} {
		got, err := backup.Find(s.dir, c.at)
		if got.Name != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, backup.ErrNone) {
			t.Errorf("by %v: %q, %v; want %q", c.at, got.Name, err, c.want)
		}
	}
}

// TestBackupBesideWork: publishes, deletions and collections go on; every snapshot restores to a consistent installation.
func TestBackupBesideWork(t *testing.T) {
	s := newScene(t)
	stop := make(chan struct{})
	var work sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop) })
	defer work.Wait()
	defer end()
	for w := range 3 {
		work.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				pkg, v := fmt.Sprintf("app%d", w), fmt.Sprint(i)
				err := s.Publish(pkg, v, "f", pkg+v, "g", "shared")
				if err == nil && i%2 == 1 {
					err = s.Publisher.Delete(s.Admin, s.Name(pkg).At(v), "")
				}
				if err == nil && w == 0 && i%40 == 39 {
					_, err = s.Maintain.Collect(s.Admin, maintain.CollectOptions{Force: true})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 8 {
		if sum := s.backup(3); len(sum.Lost) > 0 {
			t.Errorf("lost %v", sum.Lost)
		}
	}
	end()
	work.Wait()
	list := s.snapshots()
	if len(list) != 3 {
		t.Errorf("%d snapshots, want 3", len(list))
	}
	for _, snapshot := range list {
		s.restored(snapshot)
	}
}

// TestKeep: only the blobs that a removed snapshot alone needed are removed.
func TestKeep(t *testing.T) {
	s := newScene(t)
	large := string(bytes.Repeat([]byte("large"), 50_000)) // a file of its own
	s.publish("app", "1", "f", "one", "g", large)
	s.publish("app", "2", "f", "two")
	s.backup(2)
	if err := s.Publisher.Delete(s.Admin, s.Name("app").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Maintain.Collect(s.Admin, maintain.CollectOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if sum := s.backup(2); sum.Removed != 0 || sum.Freed != 0 {
		t.Errorf("two are kept: %+v", sum)
	}
	if sum := s.backup(2); sum.Removed != 1 || sum.Freed != 2 {
		t.Errorf("the first goes: %+v", sum)
	}
	store, err := local.New(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var have []digest.Digest
	for b, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, b.Digest)
	}
	if !slices.Equal(have, []digest.Digest{digest.FromString("two")}) {
		t.Errorf("left: %v", have)
	}
	s.restored(s.snapshots()[1])
}

// TestCutOff: a backup or restore that fails on the way leaves everything as it was, and can be run again.
func TestCutOff(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	s.backup(0)
	for i := range 40 {
		s.publish("app", fmt.Sprint(i+2))
	}
	for n := 1; ; n++ {
		o := s.options(0)
		fuse := &storagetest.Fuse{N: n, Stay: true}
		o.Blobs = storagetest.Faulty(s.Blobs, storagetest.Before, fuse.Blow)
		_, err := backup.Run(t.Context(), s.dir, o)
		if !fuse.Tripped() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if err == nil {
			t.Fatalf("call %d failed, and nobody was told", n)
		}
		if list := s.snapshots(); len(list) != 1 {
			t.Fatalf("call %d: %d snapshots", n, len(list))
		}
	}
	list := s.snapshots()
	if left, err := filepath.Glob(filepath.Join(s.dir, "snapshots", ".*")); err != nil || len(left) > 0 || len(list) != 2 {
		t.Fatalf("%d snapshots, and %v", len(list), left)
	}
	newest := list[1]
	p := s.place()
	into := p.Blobs.(storage.Store)
	for n := 1; ; n += 7 {
		fuse := &storagetest.Fuse{N: n, Stay: true}
		p.Blobs = storagetest.Faulty(into, storagetest.Before, fuse.Blow)
		_, err := newest.Restore(t.Context(), p)
		if !fuse.Tripped() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if err == nil {
			t.Fatalf("call %d failed, and nobody was told", n)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(database(p)), "*"))
		if err != nil || slices.ContainsFunc(left, func(path string) bool { return path != p.Key && path != database(p)+".lock" }) {
			t.Fatalf("call %d left %v, %v", n, left, err)
		}
	}
	p.Blobs = into
	s.core(p)
}

// TestCancelled: a caller that gives up at any point gets no snapshot and no database.
func TestCancelled(t *testing.T) {
	s := newScene(t)
	for i := range 40 {
		s.publish("app", fmt.Sprint(i))
	}
	for at := int64(0); ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		o := s.options(0)
		o.Progress = func(_ string, done, _ int64) {
			if done == at {
				cancel()
			}
		}
		_, err := backup.Run(ctx, filepath.Join(t.TempDir(), "backup"), o)
		stopped := ctx.Err() != nil
		cancel()
		if stopped != errors.Is(err, context.Canceled) {
			t.Errorf("after %d: %v", at, err)
		}
		if at > 40 {
			break
		}
	}
	snapshot := s.backup(0).Snapshot
	for at := range int64(40) {
		ctx, cancel := context.WithCancel(t.Context())
		p := s.place()
		p.Progress = func(_ string, done, _ int64) {
			if done == at {
				cancel()
			}
		}
		_, err := snapshot.Restore(ctx, p)
		stopped := ctx.Err() != nil
		cancel()
		if _, serr := os.Stat(database(p)); stopped != errors.Is(err, context.Canceled) || (serr == nil) == stopped {
			t.Errorf("after %d: %v, %v", at, err, serr)
		}
	}
}

// TestOneBackupAtATime: a second backup into the same directory is refused while the first runs.
func TestOneBackupAtATime(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	var once sync.Once
	o := s.options(0)
	o.Progress = func(string, int64, int64) {
		once.Do(func() {
			if _, err := backup.Run(t.Context(), s.dir, s.options(0)); !errors.Is(err, backup.ErrBusy) {
				t.Errorf("the second: %v", err)
			}
		})
	}
	if _, err := backup.Run(t.Context(), s.dir, o); err != nil {
		t.Error(err)
	}
}

// TestForeignDirectory: files in a directory that belongs to something else stay.
func TestForeignDirectory(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	refused := func(what string, o backup.Options) {
		t.Helper()
		if _, err := backup.Run(t.Context(), s.dir, o); !errors.Is(err, backup.ErrForeign) {
			t.Errorf("%s: %v", what, err)
		}
	}
	store, err := local.New(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	refused("the bytes of a server", s.options(1))
	if err := errors.Join(store.Close(), os.RemoveAll(s.dir), os.Mkdir(s.dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	s.backup(1) // an empty directory
	other := newScene(t)
	other.publish("app", "1")
	o := other.options(1)
	o.Key = []byte("another key\n")
	refused("another installation's backups", o)
	list := s.snapshots()
	if len(list) != 1 {
		t.Fatalf("%d snapshots", len(list))
	}
	s.restored(list[0])

	future := filepath.Join(s.dir, "snapshots", "20990101T000000.000Z")
	if err := os.Rename(filepath.Join(s.dir, "snapshots", list[0].Name), future); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Run(t.Context(), s.dir, s.options(1)); err == nil || !strings.Contains(err.Error(), "of the future") {
		t.Errorf("behind a snapshot of the future: %v", err)
	}
	if _, err := os.Stat(future); err != nil {
		t.Error(err)
	}
}
