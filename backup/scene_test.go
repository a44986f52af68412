package backup_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"slipway/backup"
	"slipway/metadata/sqlite"
	"slipway/registry"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage"
	"slipway/storage/mem"
)

// scene is a core with a backup directory.
type scene struct {
	*registrytest.Env
	t   *testing.T
	dir string
	key []byte
}

func newScene(t *testing.T, opts ...registrytest.Option) *scene {
	t.Helper()
	s := &scene{Env: registrytest.New(t, opts...), t: t, dir: filepath.Join(t.TempDir(), "backup"), key: []byte("a key\n")}
	return s
}

func (s *scene) publish(pkg, version string, files ...string) {
	s.t.Helper()
	if err := s.Publish(pkg, version, files...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) options(keep int) backup.Options {
	return backup.Options{Database: sqlite.Location(s.Database), Key: s.key, Blobs: s.Blobs, Keep: keep, Progress: func(string, int64, int64) {}}
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
	return backup.Place{Database: sqlite.Location(filepath.Join(dir, "slipway.db")), Key: filepath.Join(dir, "log.key"), Blobs: mem.New(), Progress: func(string, int64, int64) {}}
}

// restored makes a core from a snapshot and checks all of it.
func (s *scene) restored(snapshot backup.Snapshot) *instance.Instance {
	s.t.Helper()
	if err := snapshot.Check(s.t.Context(), sqlite.Location(""), s.Config.Verifier); err != nil {
		s.t.Fatal(err)
	}
	p := s.place()
	sum, err := snapshot.Restore(s.t.Context(), p)
	if err != nil || len(sum.Lost) > 0 {
		s.t.Fatalf("restore: %v, lost %v", err, sum.Lost)
	}
	return s.core(p)
}

func (s *scene) core(p backup.Place) *instance.Instance {
	s.t.Helper()
	db, err := sqlite.Open(s.t.Context(), database(p))
	if err != nil {
		s.t.Fatal(err)
	}
	cfg := s.Config
	cfg.Metadata, cfg.Storage = db, p.Blobs.(storage.Store)
	core, err := instance.Open(context.Background(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = errors.Join(core.Close(), db.Close()) })
	if _, err := core.Maintain.Fsck(s.Admin, maintain.FsckOptions{}, func(f maintain.Finding) {
		if !f.Note {
			s.t.Errorf("fsck of what was restored: %s: %s", f.Subject, f.Detail)
		}
	}); err != nil {
		s.t.Fatal(err)
	}
	return core
}

func (s *scene) has(core *instance.Instance, pkg, version string) bool {
	d, err := core.Catalog.VersionDetail(s.Admin, s.Name(pkg).At(version))
	return err == nil && d.Version.State != registry.Deleted
}

// database is the path of a place's database.
func database(p backup.Place) string { return string(p.Database.(sqlite.Location)) }
