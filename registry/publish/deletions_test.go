package publish_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

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

// TestDeleteManyFiles: a version of many files is gone for readers with the first transaction of its deletion, or wholly there. Whatever
// ends the deletion later leaves files that the next collection takes away, and of which none is lost to a restoration.
func TestDeleteManyFiles(t *testing.T) {
	e := registrytest.New(t, registrytest.Breakable(storagetest.Before, registrytest.AllParts))
	var content []string
	for i := range manyFiles {
		content = append(content, fmt.Sprintf("%05d", i), "content")
	}
	registrytest.Must(t, e.Publish("p", "1", content...))
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

// BenchmarkDeleteManyFiles deletes a version of 200,000 files. waits-ms is the longest that another writer waited meanwhile.
func BenchmarkDeleteManyFiles(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		e := registrytest.New(b)
		registrytest.Must(b, e.Publish("p", "1", "first", "content"))
		v := row(b, e, "p")
		registrytest.Must(b, e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
			f, err := tx.Files().File(v.ID, "first")
			for i := 1; i < 200_000 && err == nil; i++ {
				f.Path = fmt.Sprintf("folder/file-%06d", i)
				err = tx.Files().AddFile(f)
			}
			return err
		}))
		b.StartTimer()
		done := make(chan error)
		go func() { done <- e.Publisher.Delete(e.Admin, e.Name("p").At("1"), "gone") }()
		var longest time.Duration
		for n := 0; done != nil; n++ {
			start := time.Now()
			registrytest.Must(b, e.Publish(fmt.Sprintf("other%d", n), "1"))
			longest = max(longest, time.Since(start))
			select {
			case err := <-done:
				registrytest.Must(b, err)
				done = nil
			default:
			}
		}
		b.ReportMetric(float64(longest.Milliseconds()), "waits-ms")
	}
}
