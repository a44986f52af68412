package fsync_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"slipway/internal/fsync"
)

func TestFlush(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "new"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	fsync.WriteBack(f, 0, 4)
	if err := errors.Join(fsync.Data(f), fsync.Dir(dir), f.Close()); err != nil {
		t.Error(err)
	}
	if err := fsync.Data(f); err == nil {
		t.Error("a closed file was flushed")
	}
	if err := fsync.Dir(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
