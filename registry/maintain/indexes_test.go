package maintain_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"slipway/metadata"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
)

// document stores what a remote says of a package, last used some time ago.
func document(t *testing.T, e *registrytest.Env, unused time.Duration) (row metadata.UpstreamIndex) {
	t.Helper()
	b, err := e.Blobs.Put(t.Context(), strings.NewReader("document"), 100)
	registrytest.Must(t, err)
	registrytest.Must(t, e.Metadata.Update(t.Context(), func(tx metadata.Tx) error {
		r, err := tx.Repositories().Repository("main")
		if err != nil {
			return err
		}
		u, err := tx.Upstreams().CreateUpstream(metadata.Upstream{RepositoryID: r.ID, Name: "up", Type: metadata.UpstreamRemote, Format: registrytest.Format})
		if err != nil {
			return err
		}
		body, err := tx.Blobs().PutBlob(metadata.Blob{Digest: b.Digest, Size: b.Size})
		if err != nil {
			return err
		}
		row = metadata.UpstreamIndex{UpstreamID: u.ID, Format: u.Format, Key: "x", Body: body, UsedAt: tx.Now().Add(-unused), State: metadata.IndexOK}
		return tx.Caches().PutIndex(row)
	}))
	return row
}

func hasDocument(t *testing.T, e *registrytest.Env, row metadata.UpstreamIndex) bool {
	t.Helper()
	err := e.Metadata.View(t.Context(), func(tx metadata.Tx) error {
		_, err := tx.Caches().Index(row.UpstreamID, row.Format, row.Key)
		return err
	})
	if err != nil && !errors.Is(err, metadata.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestCollectDocuments: what a remote says of a package stays while it is used now and then, and goes with its bytes after a month without.
func TestCollectDocuments(t *testing.T) {
	for unused, stays := range map[time.Duration]bool{29 * 24 * time.Hour: true, 31 * 24 * time.Hour: false} {
		e := registrytest.New(t)
		row := document(t, e, unused)
		_, err := e.Maintain.Collect(e.Admin, maintain.CollectOptions{})
		registrytest.Must(t, err)
		_, err = e.Blobs.Stat(t.Context(), row.Body.Digest)
		if hasDocument(t, e, row) != stays || (err == nil) != stays {
			t.Errorf("unused for %s: row %v, bytes %v", unused, hasDocument(t, e, row), err)
		}
		e.MustFsck(t)
	}
}

// TestFsckDocuments: a document whose bytes are lost is reported, and a repair forgets it.
func TestFsckDocuments(t *testing.T) {
	e := registrytest.New(t)
	row := document(t, e, 0)
	registrytest.Must(t, e.Blobs.Delete(t.Context(), row.Body.Digest))
	for _, repair := range []bool{false, true} {
		var found []maintain.Finding
		sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{Repair: repair}, func(f maintain.Finding) { found = append(found, f) })
		registrytest.Must(t, err)
		if sum.Wrong == 1 == repair || hasDocument(t, e, row) == repair {
			t.Errorf("repair %v: %+v", repair, found)
		}
	}
	e.MustFsck(t)
}
