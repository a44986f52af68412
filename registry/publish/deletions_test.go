package publish_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"slipway/metadata"
	"slipway/registry"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// manyFiles are more than one transaction takes away, and one more besides.
const manyFiles = 1100

func row(t testing.TB, e *registrytest.Env, pkg string) (v registry.Version) {
	t.Helper()
	registrytest.Must(t, e.Metadata.View(context.Background(), func(tx metadata.Tx) (err error) {
		v, err = tx.Versions().VersionAt(registry.DefaultRepository, registrytest.Format, pkg, "1")
		return err
	}))
	return v
}

// held are the files that a version has, and those that are kept of it.
func held(t testing.TB, e *registrytest.Env, v registry.Version) (files, kept int, moving bool) {
	t.Helper()
	registrytest.Must(t, e.Metadata.View(context.Background(), func(tx metadata.Tx) error {
		list, err := tx.Files().Files(metadata.FileQuery{VersionID: v.ID})
		if err != nil {
			return err
		}
		trash, err := tx.Trash().DiscardedFiles(v.ID, 0)
		if err != nil {
			return err
		}
		files, kept = len(list), len(trash)
		d, err := tx.Trash().Discarded(v.ID)
		if moving = d.Moving; errors.Is(err, metadata.ErrNotExist) {
			return nil
		}
		return err
	}))
	return files, kept, moving
}

func publishMany(t testing.TB, e *registrytest.Env) {
	t.Helper()
	var content []string
	for i := range manyFiles {
		content = append(content, fmt.Sprintf("%05d", i), "content")
	}
	registrytest.Must(t, e.Publish("p", "1", content...))
}

// TestDeleteManyFiles: a version of many files is gone for readers with the first transaction of its deletion, or wholly there. Whatever
// ends the deletion later leaves files that the next collection takes away, and of which none is lost to a restoration.
func TestDeleteManyFiles(t *testing.T) {
	e := registrytest.New(t, registrytest.Breakable(storagetest.Before, registrytest.AllParts))
	publishMany(t, e)
	at, v := e.Name("p").At("1"), row(t, e, "p")
	unfinished, reached := 0, true
	for n := 1; reached; n++ {
		e.Break(n)
		err := e.Publisher.Delete(e.Admin, at, "gone")
		reached = e.Mend()
		files, kept, moving := held(t, e, v)
		switch deleted := row(t, e, "p").State == registry.Deleted; {
		case deleted != (err == nil):
			t.Fatalf("call %d fails: %v, deleted %v", n, err, deleted)
		case !deleted:
			if files != manyFiles || kept > 0 || moving {
				t.Fatalf("call %d fails: %d files, %d kept", n, files, kept)
			}
			continue
		case files+kept != manyFiles || files > 0 && !moving || moving && !reached:
			t.Fatalf("call %d fails: %d files, %d kept, moving %v", n, files, kept, moving)
		}
		if d, err := e.Catalog.VersionDetail(e.Admin, at); err != nil || d.Version.State != registry.Deleted || len(d.Files) > 0 || d.Version.Digest != v.Digest {
			t.Errorf("a reader of the deleted version: %+v of %d files, %v", d.Version, len(d.Files), err)
		}
		if moving {
			unfinished++
			e.MustFsck(t)
		}
		if n%2 == 0 { // else it is restored from where it stands
			registrytest.Must(t, e.Maintain.FinishDeletions(e.Admin))
			if files, kept, moving := held(t, e, v); files > 0 || kept != manyFiles || moving {
				t.Errorf("after the next start: %d files, %d kept, moving %v", files, kept, moving)
			}
		}
		if _, _, err := e.Publisher.Restore(e.Admin, at, "by mistake"); err != nil {
			t.Fatal(err)
		}
		if files, kept, _ := held(t, e, v); files != manyFiles || kept > 0 {
			t.Errorf("restored: %d files, %d kept", files, kept)
		}
	}
	if unfinished < 3 {
		t.Errorf("%d deletions were left unfinished: the walk did too little", unfinished)
	}
	e.MustFsck(t)

	// A digest that was left out is there for whoever asks what a tag named.
	registrytest.Must(t, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error { return tx.Versions().SetDigest(v.ID, "") }))
	registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
	if now := row(t, e, "p"); now.Digest != v.Digest {
		t.Errorf("digest %q, want %q", now.Digest, v.Digest)
	}
	if r := e.MustCollect(t, maintain.CollectOptions{}); r.Blobs != 1 {
		t.Errorf("collected %+v", r)
	}
	if files, kept, moving := held(t, e, v); files+kept > 0 || moving {
		t.Errorf("collected: %d files, %d kept, moving %v", files, kept, moving)
	}
	e.MustFsck(t)
}

// TestRestoreManyFiles: the restoration of a version of many files shows all of them, or leaves the version deleted with all of them
// kept. What a crash leaves of it is for readers the deleted version; the next collection, or another restoration, makes it whole.
func TestRestoreManyFiles(t *testing.T) {
	e := registrytest.New(t, registrytest.Breakable(storagetest.Before, registrytest.AllParts))
	publishMany(t, e)
	at, v := e.Name("p").At("1"), row(t, e, "p")
	registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
	for n, err := 1, errors.New("not yet"); err != nil; n++ {
		e.Break(n)
		_, _, err = e.Publisher.Restore(e.Admin, at, "by mistake")
		e.Mend()
		files, kept, moving := held(t, e, v)
		switch there := row(t, e, "p").State != registry.Deleted; {
		case there != (err == nil), there && (files != manyFiles || kept > 0), !there && (files > 0 || kept != manyFiles), moving:
			t.Fatalf("call %d fails: %v, there %v, %d files, %d kept, moving %v", n, err, there, files, kept, moving)
		}
	}
	e.MustFsck(t)
	crash := func() {
		t.Helper()
		registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
		registrytest.Must(t, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error { return registrytest.ErrOf(tx.Trash().ReturnFiles(v.ID, 500)) }))
		if files, kept, moving := held(t, e, v); files != 500 || kept != manyFiles-500 || !moving {
			t.Errorf("returned in part: %d files, %d kept, moving %v", files, kept, moving)
		}
		if d, err := e.Catalog.VersionDetail(e.Admin, at); err != nil || d.Version.State != registry.Deleted || len(d.Files) > 0 {
			t.Errorf("a reader of the deleted version: %+v of %d files, %v", d.Version, len(d.Files), err)
		}
		e.MustFsck(t)
	}
	crash()
	if _, _, err := e.Publisher.Restore(e.Admin, at, "again"); err != nil {
		t.Fatal(err)
	}
	if files, kept, _ := held(t, e, v); files != manyFiles || kept > 0 {
		t.Errorf("restored after the crash: %d files, %d kept", files, kept)
	}
	crash()
	registrytest.Must(t, e.Maintain.FinishDeletions(e.Admin))
	if files, kept, moving := held(t, e, v); files > 0 || kept != manyFiles || moving {
		t.Errorf("after the next start: %d files, %d kept, moving %v", files, kept, moving)
	}
}

// TestRepublishManyFiles: a version that is published anew has its own files alone, at once, however many it had before, and also where
// what it had is not forgotten yet when it is deleted and restored again.
func TestRepublishManyFiles(t *testing.T) {
	e := registrytest.New(t, registrytest.Breakable(storagetest.Before, registrytest.AllParts))
	_, err := e.Core.UpdateRepository(e.Admin, registry.DefaultRepository, registry.RepositoryChange{Settings: map[string]any{registry.AllowReuse.Name: true}})
	registrytest.Must(t, err)
	at, unfinished := e.Name("p").At("1"), 0
	gone := func() registry.Version {
		publishMany(t, e)
		registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
		return row(t, e, "p")
	}
	v := gone()
	for n, reached := 1, true; reached && unfinished < 3; n++ {
		e.Break(n)
		err := e.Publish("p", "1", "00001", "other", "new", "new")
		reached = e.Mend()
		files, kept, _ := held(t, e, v)
		if there := row(t, e, "p").State != registry.Deleted; there != (err == nil) || there && files != 2 || !there && (files > 0 || kept != manyFiles) {
			t.Fatalf("call %d fails: %v, there %v, %d files, %d kept", n, err, there, files, kept)
		}
		if err != nil {
			continue
		}
		if kept > 0 {
			unfinished++
			e.MustFsck(t)
		}
		registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
		if _, _, err := e.Publisher.Restore(e.Admin, at, "by mistake"); err != nil {
			t.Fatal(err)
		}
		if files, kept, _ := held(t, e, v); files != 2 || kept > 0 {
			t.Errorf("restored: %d files, %d kept", files, kept)
		}
		registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
		e.MustFsck(t)
		v = gone()
	}
	if unfinished < 3 {
		t.Errorf("%d publishes left files to be forgotten: the walk did too little", unfinished)
	}
}

// TestRemoveManyFiles: a folder of many files goes in several transactions, each of which the log knows; one that is all that its version
// has goes with it, and comes back with it.
func TestRemoveManyFiles(t *testing.T) {
	e := registrytest.New(t, registrytest.Breakable(storagetest.Before, registrytest.AllParts))
	var content []string
	for i := range manyFiles {
		content = append(content, fmt.Sprintf("b/%05d", i), "content")
	}
	registrytest.Must(t, e.Publish("p", "1", content...))
	at, v := e.Name("p").At("1"), row(t, e, "p")
	if n, err := e.Publisher.RemoveFolder(e.Admin, at, "b/", "gone"); err != nil || n == 0 || row(t, e, "p").State != registry.Deleted {
		t.Errorf("all files: %d, %v", n, err)
	}
	if _, _, err := e.Publisher.Restore(e.Admin, at, "by mistake"); err != nil {
		t.Fatal(err)
	}
	if files, kept, _ := held(t, e, v); files != manyFiles || kept > 0 {
		t.Errorf("restored: %d files, %d kept", files, kept)
	}
	registrytest.Must(t, e.Publish("q", "1", append(content, "a", "before", "b0", "behind")...))
	at, v = e.Name("q").At("1"), row(t, e, "q")
	for n, err := 1, errors.New("not yet"); err != nil; n += 401 {
		e.Break(n)
		_, err = e.Publisher.RemoveFolder(e.Admin, at, "b/", "gone")
		e.Mend()
		e.MustFsck(t)
	}
	if files, _, _ := held(t, e, v); files != 2 || row(t, e, "q").State != registry.Published {
		t.Errorf("%d files are left", files)
	}
	if d, err := e.Catalog.VersionDetail(e.Admin, at); err != nil || d.Version.Size != int64(len("before")+len("behind")) || d.Version.Digest != registry.ContentDigest(d.Files) {
		t.Errorf("%+v, %v", d.Version, err)
	}
	e.MustFsck(t)
}

// TestForgottenInPart: a version of which a collection has begun to forget files can't be restored without them.
func TestForgottenInPart(t *testing.T) {
	e := registrytest.New(t)
	publishMany(t, e)
	at, v := e.Name("p").At("1"), row(t, e, "p")
	registrytest.Must(t, e.Publisher.Delete(e.Admin, at, "gone"))
	registrytest.Must(t, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error { return registrytest.ErrOf(tx.Trash().ForgetFiles(v.ID, 500)) }))
	if _, _, err := e.Publisher.Restore(e.Admin, at, ""); registry.KindOf(err) != registry.Conflict {
		t.Errorf("restored in part: %v", err)
	}
	e.MustFsck(t)
	registrytest.Must(t, e.Maintain.FinishDeletions(e.Admin))
	if files, kept, _ := held(t, e, v); files+kept > 0 {
		t.Errorf("%d files, %d kept", files, kept)
	}
}

// BenchmarkManyFiles deletes, restores and publishes anew a version of 200,000 files. waits-ms is the longest that another writer waited
// meanwhile.
func BenchmarkManyFiles(b *testing.B) {
	const many = 200_000
	for what, do := range map[string]func(e *registrytest.Env) error{
		"delete": func(e *registrytest.Env) error { return e.Publisher.Delete(e.Admin, e.Name("p").At("1"), "gone") },
		"restore": func(e *registrytest.Env) error {
			_, _, err := e.Publisher.Restore(e.Admin, e.Name("p").At("1"), "by mistake")
			return err
		},
		"republish": func(e *registrytest.Env) error { return e.Publish("p", "1", "first", "other") },
		"folder": func(e *registrytest.Env) error {
			return registrytest.ErrOf(e.Publisher.RemoveFolder(e.Admin, e.Name("p").At("1"), "folder/", ""))
		},
	} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				e := registrytest.New(b)
				registrytest.Must(b, registrytest.ErrOf(e.Core.UpdateRepository(e.Admin, registry.DefaultRepository,
					registry.RepositoryChange{Settings: map[string]any{registry.AllowReuse.Name: true}})))
				registrytest.Must(b, e.Publish("p", "1", "first", "content"))
				v := row(b, e, "p")
				registrytest.Must(b, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
					f, err := tx.Files().File(v.ID, "first")
					for i := 1; i < many && err == nil; i++ {
						f.Path = fmt.Sprintf("folder/file-%06d", i)
						err = tx.Files().AddFile(f)
					}
					return err
				}))
				if what == "restore" || what == "republish" {
					registrytest.Must(b, e.Publisher.Delete(e.Admin, e.Name("p").At("1"), "gone"))
				}
				b.StartTimer()
				b.ReportMetric(float64(e.LongestWait(func() error { return do(e) }).Milliseconds()), "waits-ms")
			}
		})
	}
}
