package api_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"slipway/formats/formatstest"
	"slipway/registry/access"
	"slipway/registry/publish"
)

// signed waits until the newest checkpoint covers at least size entries, and returns its tree.
func (a *env) signed(size int64) tlog.Tree {
	a.t.Helper()
	v, err := note.NewVerifier(strings.TrimSpace(string(a.call(formatstest.Anonymous, "GET", "/log/key", "").Body)))
	if err != nil {
		a.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		n, err := note.Open(a.want(200, "GET", "/log/checkpoint", "", nil).Body, note.VerifierList(v))
		if err != nil {
			a.t.Fatal(err)
		}
		var t tlog.Tree
		var origin, root string
		if _, err := fmt.Sscanf(n.Text, "%s\n%d\n%s\n", &origin, &t.N, &root); err != nil || origin != v.Name() {
			a.t.Fatalf("checkpoint %q: %v", n.Text, err)
		}
		if t.Hash, err = tlog.ParseHash(root); err != nil {
			a.t.Fatal(err)
		}
		if t.N >= size {
			return t
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("the checkpoint covers %d entries, want %d", t.N, size)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// grow adds entries to the log: tags that move to and fro, many in one transaction.
func (a *env) grow(entries int) {
	a.t.Helper()
	a.publish("lib", "1.0.0", "1.1.0")
	err := a.Publisher.Edit(a.Admin, a.Name("lib"), publish.Rights{access.Admin}, func(e *publish.Edit) error {
		for i := range entries {
			if _, err := e.SetTag("moving", []string{"1.0.0", "1.1.0"}[i%2], ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

// TestLogTiles fetches the whole log by C2SP paths and recomputes its root.
func TestLogTiles(t *testing.T) {
	a := newAPI(t)
	a.grow(600)
	tree := a.signed(600)
	var leaves [][]byte
	for n := int64(0); n<<8 < tree.N; n++ {
		width := min(tree.N-n<<8, 256)
		path := fmt.Sprintf("/log/tile/entries/%03d", n)
		if width < 256 {
			path += fmt.Sprintf(".p/%d", width)
		}
		res := a.want(200, "GET", path, "", nil)
		if got := res.Header.Get("Content-Type"); got != "application/octet-stream" {
			t.Errorf("%s: %q", path, got)
		}
		if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		count := int64(0)
		for raw := res.Body; len(raw) > 0; count++ {
			size := binary.BigEndian.Uint16(raw)
			leaves = append(leaves, raw[2:2+size])
			raw = raw[2+size:]
		}
		if count != width {
			t.Fatalf("%s has %d entries, want %d", path, count, width)
		}
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = stored[at]
		}
		return out, nil
	})
	for i, leaf := range leaves {
		hs, err := tlog.StoredHashes(int64(i), leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
	}
	if root, err := tlog.TreeHash(tree.N, reader); err != nil || root != tree.Hash {
		t.Fatalf("root %v (%v), the checkpoint says %v", root, err, tree.Hash)
	}
	for _, tile := range tlog.NewTiles(8, 0, tree.N) {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			t.Fatal(err)
		}
		path := "/log/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		if res := a.want(200, "GET", path, "", nil); string(res.Body) != string(want) {
			t.Errorf("%s differs from the tree of the entries", path)
		}
	}
	for _, path := range []string{
		"0/999", "0/003", "1/000", "1/000.p/3", "7/000", "7/000.p/1", "8/000", "63/000", "0/0", "00/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/x000/000",
		"data/000", "8/0/000", "entries/999", "entries/003", "entries/x999/x999/x999/x999/x999/999", "-1/000", "0/-01", "0", "entries", "0/000/", "0/000.p",
	} {
		if res := a.call(formatstest.Admin, "GET", "/log/tile/"+path, ""); res.Status != 404 {
			t.Errorf("%s: %d, want 404", path, res.Status)
		}
	}
}

// TestLogProof checks a .tlog-proof offline, with the key alone.
func TestLogProof(t *testing.T) {
	a := newAPI(t)
	a.grow(20)
	a.signed(20)
	for _, seq := range []int64{0, 1, 7, 19} {
		res := a.want(200, "GET", fmt.Sprintf("/log/proof?seq=%d", seq), "", nil)
		head, checkpoint, ok := strings.Cut(string(res.Body), "\n\n")
		lines := strings.Split(head, "\n")
		if !ok || lines[0] != "c2sp.org/tlog-proof@v1" || lines[2] != fmt.Sprintf("index %d", seq) {
			t.Fatalf("proof:\n%s", res.Body)
		}
		leaf, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
		if err != nil {
			t.Fatal(err)
		}
		var hashes tlog.RecordProof
		for _, line := range lines[3:] {
			h, err := tlog.ParseHash(line)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, h)
		}
		if checkpoint != string(a.want(200, "GET", "/log/checkpoint", "", nil).Body) {
			t.Error("the proof does not end with the checkpoint")
		}
		tree := a.signed(0)
		if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, seq, tlog.RecordHash(leaf)); err != nil {
			t.Errorf("entry %d: %v", seq, err)
		}
		var core struct{ Seq int64 }
		if err := json.Unmarshal(leaf, &core); err != nil || core.Seq != seq {
			t.Errorf("leaf %s: %v", leaf, err)
		}
	}
	a.want(404, "GET", "/log/proof?seq=100000", "", nil)
}

// TestEntriesNeedAudit: the leaves of all repositories are for auditors of the instance; hashes say nothing.
func TestEntriesNeedAudit(t *testing.T) {
	a := newAPI(t)
	auditor := formatstest.As(a.Token("*", access.Audit))
	reader := formatstest.As(a.Token("*", access.Read))
	if res := a.call(reader, "GET", "/log/tile/entries/000.p/1", ""); res.Status != 403 {
		t.Errorf("reader: %v", res)
	}
	if res := a.call(auditor, "GET", "/log/tile/entries/000.p/1", ""); res.Status != 200 {
		t.Errorf("auditor: %v", res)
	}
}
