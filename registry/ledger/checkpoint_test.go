package ledger_test

import (
	"context"
	"fmt"
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
