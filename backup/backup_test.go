package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/backup"
	"slipway/metadata"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/local"
	"slipway/storage/mem"
	"slipway/storage/storagetest"
)

// scene is a core with a backup directory.
type scene struct {
	*registrytest.Env
	t   *testing.T
	dir string
	key string
}

func newScene(t *testing.T, opts ...registrytest.Option) *scene {
	t.Helper()
	s := &scene{Env: registrytest.New(t, opts...), t: t, dir: filepath.Join(t.TempDir(), "backup"), key: filepath.Join(t.TempDir(), "log.key")}
	if err := os.WriteFile(s.key, []byte("a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) publish(pkg, version string, files ...string) {
	s.t.Helper()
	if err := s.Publish(pkg, version, files...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) options(keep int) backup.Options {
	return backup.Options{Database: s.Database, Key: s.key, Blobs: s.Blobs, Keep: keep, Progress: func(string, int64, int64) {}}
}

func (s *scene) backup(keep int) backup.Summary {
	s.t.Helper()
	sum, err := backup.Run(s.t.Context(), s.dir, s.options(keep))
	if err != nil {
		s.t.Fatal(err)
	}
	return sum
}

func (s *scene) snapshots() []backup.Snapshot {
	s.t.Helper()
	list, err := backup.List(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// place is an empty place to restore to.
func (s *scene) place() backup.Place {
	dir := s.t.TempDir()
	return backup.Place{Database: filepath.Join(dir, "slipway.db"), Key: filepath.Join(dir, "log.key"), Blobs: mem.New(), Progress: func(string, int64, int64) {}}
}

// restored makes a core of a snapshot and checks all of it.
func (s *scene) restored(snapshot backup.Snapshot) *registry.Service {
	s.t.Helper()
	if err := snapshot.Check(s.t.Context(), s.Config.Verifier); err != nil {
		s.t.Fatal(err)
	}
	p := s.place()
	sum, err := snapshot.Restore(s.t.Context(), p)
	if err != nil || len(sum.Lost) > 0 {
		s.t.Fatalf("restore: %v, lost %v", err, sum.Lost)
	}
	return s.core(p)
}

func (s *scene) core(p backup.Place) *registry.Service {
	s.t.Helper()
	db, err := sqlite.Open(s.t.Context(), p.Database)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := s.Config
	cfg.Metadata, cfg.Storage = db, p.Blobs.(storage.Store)
	core, err := registry.New(context.Background(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = errors.Join(core.Close(), db.Close()) })
	if _, err := core.Fsck(s.Admin, registry.FsckOptions{}, func(f registry.Finding) {
		if !f.Note {
			s.t.Errorf("fsck of what was restored: %s: %s", f.Subject, f.Detail)
		}
	}); err != nil {
		s.t.Fatal(err)
	}
	return core
}

func (s *scene) has(core *registry.Service, pkg, version string) bool {
	d, err := core.Detail(s.Admin, s.Name(pkg).At(version))
	return err == nil && d.Version.State != registry.Deleted
}

// TestBackup: a second backup brings only what is new, and each snapshot restores what was there at its time.
func TestBackup(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one", "g", "shared")
	first := s.backup(0)
	if first.Blobs != 2 || first.Copied != 2 || first.Bytes != 9 || first.CopiedBytes != 9 || len(first.Lost) != 0 {
		t.Errorf("first: %+v", first)
	}
	s.publish("app", "2", "f", "two", "g", "shared")
	if err := s.Delete(s.Admin, s.Name("app").At("1"), ""); err != nil {
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

// TestBackupBesideWork: publishes, deletions and collections go on; every snapshot restores to something whole.
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
					err = s.Delete(s.Admin, s.Name(pkg).At(v), "")
				}
				if err == nil && w == 0 && i%40 == 39 {
					_, err = s.Collect(s.Admin, registry.CollectOptions{Force: true})
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

// TestKeep: what only a removed snapshot needed goes, and nothing else.
func TestKeep(t *testing.T) {
	s := newScene(t)
	large := string(bytes.Repeat([]byte("large"), 50_000)) // a file of its own
	s.publish("app", "1", "f", "one", "g", large)
	s.publish("app", "2", "f", "two")
	s.backup(2)
	if err := s.Delete(s.Admin, s.Name("app").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(s.Admin, registry.CollectOptions{Force: true}); err != nil {
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

// TestLostBytes: bytes that the installation has lost, or that are damaged, are named; the rest is kept, and all that is older.
func TestLostBytes(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one")
	s.backup(1)
	s.publish("app", "2", "f", "two", "g", "fine")
	if err := s.Blobs.Delete(t.Context(), digest.FromString("two")); err != nil {
		t.Fatal(err)
	}
	sum := s.backup(1)
	if !slices.Equal(sum.Lost, []digest.Digest{digest.FromString("two")}) || sum.Copied != 1 || sum.Removed != 0 {
		t.Errorf("backup: %+v", sum)
	}
	if list := s.snapshots(); len(list) != 2 {
		t.Errorf("%d snapshots, want both", len(list))
	}
	p := s.place()
	got, err := sum.Restore(t.Context(), p)
	if err != nil || !slices.Equal(got.Lost, sum.Lost) || got.Blobs != 3 || got.Copied != 2 {
		t.Errorf("restore: %+v, %v", got, err)
	}
	// What the backup had before heals what is lost now.
	if err := s.Blobs.Delete(t.Context(), digest.FromString("one")); err != nil {
		t.Fatal(err)
	}
	s.publish("app", "3", "f", "two")
	if sum = s.backup(0); len(sum.Lost) > 0 {
		t.Errorf("lost %v", sum.Lost)
	}
	s.restored(sum.Snapshot)
}

// wrongBytes answers other bytes than were asked for.
type wrongBytes struct{ storage.Store }

func (w wrongBytes) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	return w.Store.Open(ctx, digest.FromString("two"), offset, length)
}

// TestDamagedBytes: bytes are checked on their way, so a backup holds none under a wrong name.
func TestDamagedBytes(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one")
	s.publish("app", "2", "f", "two")
	s.publish("app", "3", "f", "three, which is longer")
	o := s.options(0)
	o.Blobs = wrongBytes{s.Blobs}
	sum, err := backup.Run(t.Context(), s.dir, o)
	if err != nil || len(sum.Lost) != 2 || sum.Copied != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if sum = s.backup(0); len(sum.Lost) != 0 || sum.Copied != 2 {
		t.Errorf("with the right bytes: %+v", sum)
	}
	s.restored(sum.Snapshot)
}

// TestCutOff: a backup or restore that fails on the way leaves what was there, and is done again.
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
		left, err := filepath.Glob(filepath.Join(filepath.Dir(p.Database), "*"))
		if err != nil || slices.ContainsFunc(left, func(path string) bool { return path != p.Key && path != p.Database+".lock" }) {
			t.Fatalf("call %d left %v, %v", n, left, err)
		}
	}
	p.Blobs = into
	s.core(p)
}

// TestCancelled: whoever gives up gets no snapshot, and no database, at whatever point that is.
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
		if _, serr := os.Stat(p.Database); stopped != errors.Is(err, context.Canceled) || (serr == nil) == stopped {
			t.Errorf("after %d: %v, %v", at, err, serr)
		}
	}
}

// TestOccupied: a restore never touches an installation that is there.
func TestOccupied(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	snapshot := s.backup(0).Snapshot
	for _, c := range []struct {
		what, path string
		free       bool
	}{{"a database", "slipway.db", false}, {"its log", "slipway.db-wal", false}, {"another key", "log.key", false}, {"other files", "README", true}} {
		p := s.place()
		path := filepath.Join(filepath.Dir(p.Database), c.path)
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := snapshot.Restore(t.Context(), p)
		if c.free != (err == nil) || !c.free && !errors.Is(err, backup.ErrOccupied) {
			t.Errorf("%s: %v", c.what, err)
		}
		if have, err := os.ReadFile(path); err != nil || string(have) != "mine" {
			t.Errorf("%s was changed: %q, %v", c.what, have, err)
		}
	}
	p := s.place()
	if err := os.WriteFile(p.Key, []byte("a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshot.Restore(t.Context(), p); err != nil {
		t.Errorf("the same key: %v", err)
	}
}

// TestS62Signature: a log that another key signed, or none, is not restored (incident S-62).
func TestS62Signature(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	snapshot := s.backup(0).Snapshot
	other := newScene(t)
	if err := snapshot.Check(t.Context(), other.Config.Verifier); err == nil {
		t.Error("a log of another key passes")
	}
	if err := snapshot.Check(t.Context(), s.Config.Verifier); err != nil {
		t.Error(err)
	}
}

// TestOneBackupAtATime: a second one into the same directory is refused while the first runs.
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

// TestForeignDirectory: what lies in a directory that is not for these backups stays.
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
	o.Key = filepath.Join(t.TempDir(), "log.key")
	if err := os.WriteFile(o.Key, []byte("another key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
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

// TestRestoreAlone: while a restore runs, no server takes its place, and no backup takes the bytes from under it.
func TestRestoreAlone(t *testing.T) {
	s := newScene(t)
	for i := range 20 {
		s.publish("app", fmt.Sprint(i))
	}
	snapshot := s.backup(0).Snapshot
	if err := s.Delete(s.Admin, s.Name("app").At("1"), ""); err != nil {
		t.Fatal(err)
	}
	p := s.place()
	var once sync.Once
	p.Progress = func(string, int64, int64) {
		once.Do(func() {
			if db, err := sqlite.Open(t.Context(), p.Database); !errors.Is(err, metadata.ErrInUse) {
				t.Errorf("a server: %v", errors.Join(err, db.Close()))
			}
			if _, err := backup.Run(t.Context(), s.dir, s.options(1)); !errors.Is(err, backup.ErrBusy) {
				t.Errorf("a backup: %v", err)
			}
			if _, err := snapshot.Restore(t.Context(), p); !errors.Is(err, metadata.ErrInUse) {
				t.Errorf("a second restore: %v", err)
			}
			two := s.place()
			if _, err := snapshot.Restore(t.Context(), two); err != nil {
				t.Errorf("to another place: %v", err)
			}
		})
	}
	noted := false
	p.Before = func(ctx context.Context, db metadata.Store) error {
		noted = true
		_, err := os.Stat(p.Database)
		if err == nil {
			t.Error("the database is there before its time")
		}
		return db.Ready(ctx)
	}
	if _, err := snapshot.Restore(t.Context(), p); err != nil || !noted {
		t.Fatal(err, noted)
	}
	s.core(p)
}

// TestOtherKeyMeanwhile: a key that a server has made since stands against the restore.
func TestOtherKeyMeanwhile(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1")
	snapshot := s.backup(0).Snapshot
	p := s.place()
	p.Before = func(context.Context, metadata.Store) error { return os.WriteFile(p.Key, []byte("another\n"), 0o600) }
	if _, err := snapshot.Restore(t.Context(), p); !errors.Is(err, backup.ErrOccupied) {
		t.Errorf("restored under another key: %v", err)
	}
	if _, err := os.Stat(p.Database); err == nil {
		t.Error("there is a database")
	}
}

// badSector fails to read one blob.
type badSector struct {
	storage.Store
	d digest.Digest
}

func (b badSector) Open(ctx context.Context, d digest.Digest, offset, length int64) (io.ReadCloser, error) {
	r, err := b.Store.Open(ctx, d, offset, length)
	if err != nil || d != b.d {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 1), iotest.ErrReader(&os.PathError{Op: "read", Path: "blob", Err: syscall.EIO})), r}, nil
}

// TestBadSector: what can't be read is lost, and everything else is saved.
func TestBadSector(t *testing.T) {
	s := newScene(t)
	s.publish("app", "1", "f", "one")
	s.publish("app", "2", "f", "two")
	o := s.options(0)
	o.Blobs = badSector{s.Blobs, digest.FromString("one")}
	sum, err := backup.Run(t.Context(), s.dir, o)
	if err != nil || !slices.Equal(sum.Lost, []digest.Digest{digest.FromString("one")}) || sum.Copied != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestVerify: bytes that rot in the backup are brought anew.
func TestVerify(t *testing.T) {
	s := newScene(t)
	large := strings.Repeat("large", 50_000)
	s.publish("app", "1", "f", "small", "g", large)
	s.backup(0)
	for pattern, content := range map[string]string{"blobs/packs/*.pack": "small", "blobs/sha256/*/*": large} {
		paths, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil || len(paths) != 1 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		raw, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		raw[bytes.Index(raw, []byte(content))+1] ^= 1
		if err := errors.Join(os.Chmod(paths[0], 0o600), os.WriteFile(paths[0], raw, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if sum := s.backup(0); sum.Copied != 0 {
		t.Errorf("without a look: %+v", sum)
	}
	o := s.options(0)
	o.Verify = true
	sum, err := backup.Run(t.Context(), s.dir, o)
	if err != nil || sum.Copied != 2 || len(sum.Lost) != 0 {
		t.Errorf("with a look: %+v, %v", sum, err)
	}
	s.restored(sum.Snapshot)
}
