package local

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// TestReadOnly: a store on a medium that can't be written answers reads, and nothing in it changes, with packs and without.
func TestReadOnly(t *testing.T) {
	for _, packed := range []bool{true, false} {
		dir := t.TempDir()
		var opts []Option
		if !packed {
			opts = append(opts, WithoutPacks())
		}
		s, err := New(dir, opts...)
		if err != nil {
			t.Fatal(err)
		}
		contents := []string{"small", strings.Repeat("large", 50_000)}
		for _, c := range contents {
			if _, err := s.Put(t.Context(), strings.NewReader(c), -1); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		before := tree(t, dir)
		if s, err = New(dir, ReadOnly()); err != nil {
			t.Fatal(err)
		}
		for _, c := range contents {
			r, err := s.Open(t.Context(), digest.FromString(c), 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, []byte(c)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if b, err := s.Stat(t.Context(), digest.FromString(c)); err != nil || b.Size != int64(len(c)) {
				t.Errorf("%+v, %v", b, err)
			}
		}
		if _, err := s.Stat(t.Context(), digest.FromString("none")); !errors.Is(err, storage.ErrNotExist) {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if after := tree(t, dir); after != before {
			t.Errorf("it was\n%s\nand is\n%s", before, after)
		}
	}
}

// tree lists what is below a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
