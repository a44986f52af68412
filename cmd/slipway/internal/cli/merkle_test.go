package cli

import (
	"bytes"
	"fmt"
	"testing"

	"slipway/api/client"

	"golang.org/x/mod/sumdb/tlog"
)

// TestTree compares this package's tree with that of package tlog, root by root and tile by tile.
func TestTree(t *testing.T) {
	t.Parallel()
	const most = 70_000 // three levels of tiles
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			out[i] = stored[at]
		}
		return out, nil
	})
	compare := func(tile tlog.Tile, hashes []byte) error {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		if !bytes.Equal(hashes, want) {
			return fmt.Errorf("%s differs", tile.Path())
		}
		return nil
	}
	ours := &tree{check: compare}
	for n := range int64(most) {
		leaf := tlog.RecordHash([]byte(fmt.Sprint(n)))
		hs, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
		if err := ours.add(leaf); err != nil {
			t.Fatalf("at %d: %v", n, err)
		}
		if n > 300 && n%1000 != 0 && n < 65_530 || n > 65_800 {
			continue
		}
		want, err := tlog.TreeHash(n+1, reader)
		if err != nil || ours.root() != want {
			t.Fatalf("root of %d: %v, want %v, %v", n+1, ours.root(), want, err)
		}
		if err := ours.end(); err != nil {
			t.Fatalf("end at %d: %v", n+1, err)
		}
	}
}

// FuzzProof and FuzzBundle: no answer of a server makes the client panic.
func FuzzProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra e30=\nindex 0\n\nslipway-1\n1\nAAAA\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := parseProof(raw); err == nil {
			_ = p.check(p.index, &client.Event{}) // almost never holds; it must not panic
		}
		_, _, _, _ = parseCheckpoint(string(raw)) // likewise
	})
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'x', 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseBundle(raw)
		if err != nil {
			return
		}
		size := 0
		for _, e := range entries {
			size += 2 + len(e)
		}
		if size != len(raw) {
			t.Fatalf("%d bytes in entries of a bundle of %d", size, len(raw))
		}
	})
}
