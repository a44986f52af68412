package registry_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/metadata"
	"slipway/metadata/metadatatest"
	"slipway/registry"
	"slipway/registry/access"
	"slipway/registry/instance"
	"slipway/registry/maintain"
	"slipway/registry/registrytest"
	"slipway/storage/storagetest"
)

// signed waits until the checkpoint covers the whole log and returns its parts.
func signed(t *testing.T, e *registrytest.Env) (size int64, root tlog.Hash) {
	t.Helper()
	// A second core over the same stores signs what is there before it answers.
	s, err := instance.Open(context.Background(), e.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := s.Ledger.LogCheckpoint(e.Admin)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(e.Config.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(c.Note, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if _, err := fmt.Sscanf(n.Text, v.Name()+"\n%d\n%s\n", &size, &text); err != nil {
		t.Fatalf("checkpoint %q: %v", n.Text, err)
	}
	if root, err = tlog.ParseHash(text); err != nil {
		t.Fatal(err)
	}
	return size, root
}

// TestLogProof: every entry's proof verifies against the signed root, and no other leaf does.
func TestLogProof(t *testing.T) {
	e := registrytest.New(t)
	for i := range 20 {
		if err := e.Publish("web", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	size, root := signed(t, e)
	if size < 23 {
		t.Errorf("the checkpoint covers %d entries", size)
	}
	for seq := range size {
		p, err := e.Ledger.LogProof(e.Admin, seq)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(p.Hashes, size, root, seq, tlog.RecordHash(p.Leaf)); err != nil {
			t.Errorf("entry %d: %v", seq, err)
		}
		bent := append([]byte(nil), p.Leaf...)
		bent[len(bent)/2] ^= 1
		if tlog.CheckRecord(p.Hashes, size, root, seq, tlog.RecordHash(bent)) == nil {
			t.Errorf("entry %d: a changed leaf verifies", seq)
		}
	}
	if _, err := e.Ledger.LogProof(e.Admin, size); registry.KindOf(err) != registry.NotFound {
		t.Errorf("an entry that is not there: %v", err)
	}
	reader := e.Login(access.Credentials{Token: e.Token("nothing-here", access.Read)})
	if _, err := e.Ledger.LogProof(reader, 3); registry.KindOf(err) != registry.NotFound {
		t.Errorf("an entry of a repository that the caller may not read: %v", err)
	}
	if _, err := e.Ledger.LogLeaves(reader, 0, 1); registry.KindOf(err) != registry.Denied {
		t.Errorf("leaves without the right to audit: %v", err)
	}
}

// TestFsckFinds: a change behind the server's back is found and named.
func TestFsckFinds(t *testing.T) {
	for what, c := range map[string]struct {
		change func(tx metadata.Tx, pkg registry.Package, v registry.Version) error
		want   string
	}{
		"a version marked deleted": {func(tx metadata.Tx, _ registry.Package, v registry.Version) error {
			v.State = registry.Deleted
			return tx.Versions().UpdateVersion(v)
		}, "web 1 is deleted, the log says published"},
		"a file that the log does not know": {func(tx metadata.Tx, p registry.Package, v registry.Version) error {
			b, err := tx.Blobs().Blob(v.Digest)
			if err != nil {
				return err
			}
			return tx.Files().AddFile(registry.File{VersionID: v.ID, PackageID: p.ID, Path: "extra", Blob: b})
		}, "other files"},
		"a fact that the log does not know": {func(tx metadata.Tx, _ registry.Package, v registry.Version) error {
			return tx.Facts().AddFacts([]registry.Fact{{VersionID: v.ID, Key: registry.FactSourceCommit, Value: "forged", Rank: 4, Seq: v.Seq}})
		}, "other facts"},
		"a tag moved": {func(tx metadata.Tx, p registry.Package, v registry.Version) error {
			_, err := tx.Tags().SetTag(registry.Tag{PackageID: p.ID, Name: "prod", VersionID: v.ID, SeqFrom: 1})
			return err
		}, `tag "prod"`},
		"a version without an entry": {func(tx metadata.Tx, p registry.Package, v registry.Version) error {
			_, err := tx.Versions().CreateVersion(registry.Version{PackageID: p.ID, Name: "9", State: registry.Published, Digest: v.Digest})
			return err
		}, "no entry in the log"},
		"an entry of an unknown type": {func(tx metadata.Tx, _ registry.Package, _ registry.Version) error {
			_, err := tx.Log().Append(metadata.Entry{Type: "tag.moved", Data: []byte(`{}`)})
			return err
		}, `has the type "tag.moved", which this version of Slipway does not know`},
	} {
		e := registrytest.New(t)
		if err := e.Publish("web", "1"); err != nil {
			t.Fatal(err)
		}
		p, err := e.Catalog.Package(e.Admin, e.Name("web"))
		if err != nil {
			t.Fatal(err)
		}
		err = e.Metadata.Update(context.Background(), func(tx metadata.Tx) error {
			v, err := tx.Versions().Version(p.ID, "1")
			if err != nil {
				return err
			}
			return c.change(tx, p, v)
		})
		if err != nil {
			t.Fatal(err)
		}
		var found strings.Builder
		sum, err := e.Maintain.Fsck(e.Admin, maintain.FsckOptions{}, func(f maintain.Finding) { fmt.Fprintln(&found, f.Detail) })
		if err != nil || sum.Wrong == 0 || !strings.Contains(found.String(), c.want) {
			t.Errorf("%s: found %d, %v:\n%s", what, sum.Wrong, err, found.String())
		}
	}
}

// TestRestart: a second start finds everything and makes nothing anew.
func TestRestart(t *testing.T) {
	e := registrytest.New(t)
	if err := e.Publish("web", "1"); err != nil {
		t.Fatal(err)
	}
	id, _ := e.Core.Identity()
	s, err := instance.Open(context.Background(), e.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if again, _ := s.Core.Identity(); again != id || id == "" {
		t.Errorf("instance %q became %q", id, again)
	}
	if pw, err := s.Accounts.EnsureAdmin(context.Background(), ""); err != nil || pw != "" {
		t.Errorf("a second start makes an admin: %q, %v", pw, err)
	}
	if _, err := s.Catalog.Detail(e.Admin, e.Name("web").At("1")); err != nil {
		t.Error(err)
	}
}

// TestCheckpointRetry: a checkpoint that could not be made is made once it can, though the log grows no further.
func TestCheckpointRetry(t *testing.T) {
	e := registrytest.New(t)
	var down atomic.Bool
	failed := make(chan struct{}, 1)
	cfg := e.Config
	cfg.SignInterval = 50 * time.Millisecond
	cfg.Metadata = metadatatest.Faulty(e.Metadata, func() error {
		if !down.Load() {
			return nil
		}
		select {
		case failed <- struct{}{}:
		default:
		}
		return storagetest.ErrFault
	})
	s, err := instance.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n, met := 0, false; !met; n++ { // on a busy machine a checkpoint may be made before the stores are down
		if _, err := s.Core.CreateRepository(e.Admin, fmt.Sprintf("grown-%d", n), registry.RepositoryChange{}); err != nil {
			t.Fatal(err)
		}
		down.Store(true)
		select {
		case <-failed:
			met = true
		case <-time.After(200 * time.Millisecond):
		}
		down.Store(false)
	}
	var size int64
	if err := e.Metadata.View(t.Context(), func(tx metadata.Tx) (err error) { size, err = tx.Log().LogSize(); return err }); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := s.Ledger.LogCheckpoint(e.Admin)
		if err != nil {
			t.Fatal(err)
		}
		if c.Size == size {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d entries are signed", c.Size, size)
		}
	}
}
