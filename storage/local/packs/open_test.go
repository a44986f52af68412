package packs

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestAttached: a process that attaches to packs never becomes their writer, also when it opens them first.
func TestAttached(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "packs")
	attached, err := OpenAttached(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSet(t, attached)
	if _, err := attached.Put(sha256.Sum256(blob(1, 100)), blob(1, 100)); !errors.Is(err, ErrReadOnly) || attached.Writes() {
		t.Errorf("Put: %v", err)
	}
	owner := openSet(t, dir, small())
	defer closeSet(t, owner)
	if !owner.Writes() {
		t.Fatal("the packs were taken")
	}
	mustPut(t, owner, blob(1, 100))
	mustHave(t, attached, blob(1, 100))
	if err := attached.Delete(t.Context(), sha256.Sum256(blob(1, 100))); err != nil {
		t.Error(err)
	}
	mustLack(t, owner, blob(1, 100))
}

// TestReadOnly: packs on a medium that can't be written are read, and no file is made beside them.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := openSet(t, dir, small())
	for i := range 50 {
		mustPut(t, s, blob(i, 3000))
	}
	if _, err := OpenReadOnly(dir); err == nil {
		t.Error("opened while they are written")
	}
	closeSet(t, s)
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = OpenReadOnly(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		mustHave(t, s, blob(i, 3000))
	}
	mustLack(t, s, blob(99, 3000))
	sum := sha256.Sum256(blob(1, 3000))
	if page, err := s.After(t.Context(), nil, 100); err != nil || len(page) != 50 {
		t.Errorf("%d blobs, %v", len(page), err)
	}
	_, putErr := s.Put(sum, blob(1, 3000))
	_, _, touchErr := s.Touch(t.Context(), sum, 3000)
	for what, err := range map[string]error{"Put": putErr, "Touch": touchErr, "Delete": s.Delete(t.Context(), sum)} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after) != len(before) {
		t.Errorf("%d files became %d, %v", len(before), len(after), err)
	}
	closeSet(t, s)
	if _, err := OpenReadOnly(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
}
